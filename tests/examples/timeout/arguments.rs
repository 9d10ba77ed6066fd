//! Arguments, and messages about them.

use std::fs::OpenOptions;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::LazyLock;

use super::{Seen, THEIRS, beside, both, death, ours, run, timeout};
use nix::libc::SIGTERM;
use nix::sys::signal::Signal;

static UTF8: LazyLock<bool> = LazyLock::new(|| {
    let speaks =
        |path: &PathBuf| run(timeout(path, &["1", ""]).env("LC_ALL", "C.UTF-8")).stderr.contains('‘');
    THEIRS.as_ref().is_none_or(speaks)
});

#[test]
fn names_and_arguments_need_not_be_text() {
    let seen = beside(|program| {
        let mut command = timeout(program, &["10", "printf", "%s"]);
        command.arg(std::ffi::OsStr::from_bytes(b"\xff\xfe \n"));
        command.stdout(Stdio::piped()).spawn().unwrap().wait_with_output().unwrap().stdout
    });
    assert_eq!(seen, b"\xff\xfe \n");
}

#[test]
fn failing_commands_are_reported() {
    let wrong = |args: &[&str], code, why: &str| {
        let stderr = format!("timeout: failed to run command {why}\n");
        assert_eq!(both(args), Seen { code, stdout: "".into(), stderr });
    };
    wrong(&["10", "no_such_command"], 127, "'no_such_command': No such file or directory");
    wrong(&["10", "/no/such/command"], 127, "'/no/such/command': No such file or directory");
    wrong(&["10", ""], 127, "'': No such file or directory");
    wrong(&["10", "."], 126, "'.': Permission denied");
    wrong(&["10", "/etc/passwd"], 126, "'/etc/passwd': Permission denied");
    wrong(&["10", "/etc/passwd/x"], 126, "'/etc/passwd/x': Not a directory");
    wrong(&["10", "--", "true"], 127, "'--': No such file or directory");
    wrong(&["10", "-v", "true"], 127, "'-v': No such file or directory");
    wrong(&["10", "it's\tα\x07\\"], 127, r"'it\'s\t\316\261\a\\': No such file or directory");
}

#[test]
fn names_are_quoted_as_the_locale_does() {
    if !*UTF8 {
        println!("skipped: no locale C.UTF-8 on this machine");
        return;
    }
    for (name, quoted) in [
        ("no_such_command", "‘no_such_command’"),
        ("it's α", "‘it's α’"),
        ("‘curly’", r"‘‘curly\’’"),
        ("a\nb\\c\x1b\u{85}", r"‘a\nb\\c\033\302\205’"),
    ] {
        let seen = beside(|program| run(timeout(program, &["10", name]).env("LC_ALL", "C.UTF-8")));
        assert_eq!(
            seen.stderr,
            format!("timeout: failed to run command {quoted}: No such file or directory\n")
        );
    }
    let bytes = std::ffi::OsStr::from_bytes(b"\xff\xc3\xa9\xc3");
    let seen = beside(|program| run(timeout(program, &["10"]).arg(bytes).env("LC_ALL", "C.UTF-8")));
    assert!(seen.stderr.contains(r"‘\377é\303’"), "{}", seen.stderr);
}

#[test]
fn invalid_command_lines_are_refused() {
    let wrong = |args: &[&str], why: &str| {
        let why = if why.is_empty() { String::new() } else { format!("timeout: {why}\n") };
        let stderr = format!("{why}Try 'timeout --help' for more information.\n");
        assert_eq!(both(args), Seen { code: 125, stdout: "".into(), stderr });
    };
    wrong(&[], "");
    wrong(&["10"], "");
    wrong(&["--"], "");
    wrong(&["-v", "--", "10"], "");
    wrong(&["-x", "10", "true"], "invalid option -- 'x'");
    wrong(&["-vx", "10", "true"], "invalid option -- 'x'");
    wrong(&["-v-", "10", "true"], "invalid option -- '-'");
    wrong(&["-1", "true"], "invalid option -- '1'");
    wrong(&["--no-such", "10", "true"], "unrecognized option '--no-such'");
    wrong(&["--no-such=x", "10", "true"], "unrecognized option '--no-such=x'");
    wrong(&["--v", "10", "true"], "option '--v' is ambiguous; possibilities: '--verbose' '--version'");
    wrong(&["--foreground=1", "10", "true"], "option '--foreground' doesn't allow an argument");
    wrong(&["--f=1", "10", "true"], "option '--foreground' doesn't allow an argument");
    wrong(&["-s"], "option requires an argument -- 's'");
    wrong(&["-vk"], "option requires an argument -- 'k'");
    wrong(&["--sig"], "option '--signal' requires an argument");
    wrong(&["-s", "nonsense", "10", "true"], "'nonsense': invalid signal");
    wrong(&["-k", "nonsense", "10", "true"], "invalid time interval 'nonsense'");
    wrong(&["--kill-after=", "10", "true"], "invalid time interval ''");
    wrong(&["nonsense", "true"], "invalid time interval 'nonsense'");
    wrong(&["-", "true"], "invalid time interval '-'");
    wrong(&["", "true"], "invalid time interval ''");
    wrong(&["--", "-1", "true"], "invalid time interval '-1'");
    wrong(&["-s", "nonsense", "-x", "nonsense"], "'nonsense': invalid signal");
}

#[test]
fn valid_command_lines_are_accepted() {
    for args in [
        &["--", "10", "true"][..],
        &["-v", "--", "10", "true"],
        &["-vs", "HUP", "10", "true"],
        &["-vsHUP", "-k5", "10", "true"],
        &["--fore", "--pre", "--verb", "--si=9", "--k", "5", "10", "true"],
        &["-s", "HUP", "-s", "INT", "10", "true"],
        &["-s", "-k", "-k", "1", "10", "true"],
    ] {
        let end = if args.contains(&"-k") { 125 } else { 0 };
        assert_eq!(both(args).code, end, "{args:?}");
    }
    // Some versions of GNU timeout lack these options.
    assert_eq!(run(&mut timeout(&ours(), &["-fp", ".1", "sleep", "20"])).code, death(SIGTERM));
}

#[test]
fn durations_are_parsed() {
    let valid = "10 10s 10m 10h 10d 10.5 10. 1.5m .5h 1e1 1E+1 1.e1 100e-1s 0x10 0X1P4 0x1.8p3m 0x.8p9 0x10d inf Infinity infd \
        1e400 1e308d 99999999999999999999d 18446744073709551616 9223372036854775808 0 0.0 0d 0x0 +10 010";
    for time in valid.split(' ').chain([" 10", "\t\n\x0b10"]) {
        assert_eq!(both(&[time, "true"]).code, 0, "{time:?}");
        assert_eq!(both(&["-k", time, "0", "true"]).code, 0, "{time:?}");
    }
    let wrong = ". e 1e 1e+ 0x 0x.p1 0x1p nan NAN nan(1) -nan infx 10S 10D 10ms 10ss 10sd 1w 10,5 1_0 1e1e1 ++1 +-1 ten ١";
    for time in wrong.split(' ').chain(["10 ", "10 s", "10\n"]) {
        assert_eq!(both(&["--", time, "true"]).code, 125, "{time:?}");
    }
    for time in [".05", "5e-2", "0x1p-4", "0.000001m", "1e-9", "0.00000001d"] {
        assert_eq!(both(&[time, "sleep", "20"]).code, 124, "{time:?}");
    }
    // Newer versions agree: a value that underflows is not zero.
    for time in ["1e-400", "1e-5000", "0x1p-9999"] {
        assert_eq!(run(&mut timeout(&ours(), &[time, "sleep", "20"])).code, 124, "{time:?}");
    }
}

#[test]
fn signals_are_parsed_by_name_and_number() {
    let names = Signal::iterator().map(|signal| signal.as_str().to_owned());
    let short = Signal::iterator().map(|signal| signal.as_str()[3..].to_lowercase());
    let others = "EXIT SIGexit IOT CLD poll RTMIN SIGRTMAX rtmin+1 RTMIN+30 RTMIN+31 RTMAX-30 RTMAX-31 RTMIN+ RTMIN-1 RTMAX+1 \
        RTMIN+x SIG SIGSIGTERM TER TERMS +9 -9 9.0 0x9 009 99999999999 127 129 137 143";
    let others = others.split(' ').chain(["TERM ", " TERM", "", "9 "]);
    let numbers = (0..=66).map(|number: i32| number.to_string());
    for signal in names.chain(short).chain(numbers).chain(others.map(str::to_owned)) {
        both(&["-s", &signal, "10", "true"]);
    }
    assert_eq!(both(&["-s", "SIGUSR1", "10", "true"]).code, 0);
    assert_eq!(both(&["-s", "64", "10", "true"]).code, 0);
    assert_eq!(both(&["-s", "65", "10", "true"]).code, 125);
}

#[test]
fn help_and_version_are_printed() {
    for option in ["--help", "--version", "--h"] {
        let seen = run(&mut timeout(&ours(), &[option, "nonsense"]));
        assert!(seen.code == 0 && seen.stderr.is_empty() && seen.stdout.contains("timeout"), "{seen:?}");
        let full = |program: &Path| {
            let full = OpenOptions::new().write(true).open("/dev/full").unwrap();
            run(timeout(program, &[option]).stdout(full))
        };
        let seen = beside(full);
        assert_eq!(seen.code, 125);
        assert_eq!(seen.stderr, "timeout: write error: No space left on device\n");
    }
}
