//! What a job leaves behind: no zombie, no descriptor, no output twice, no change to the parent.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read, Write};
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicI32, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use crate::support;
use crate::support::children::{
    self, descriptors, exit_now, fork, has_children, is_running, leaving_nothing, pause, soon,
};
use crate::support::{Outcome, Scenario, scenario};
use nix::libc;
use nix::sys::resource::Resource;
use sigalarm::process::{self, Job, JobError, Output};

fn thousand_jobs_leave_nothing() {
    children::set_limit(Resource::RLIMIT_NOFILE, 4096);
    let (began, before) = (Instant::now(), descriptors());
    let jobs: Vec<Job<()>> = (0..1_000).map(|_| Job::spawn(|| pause()).unwrap()).collect();
    for job in &jobs {
        job.terminate().unwrap();
    }
    for job in &jobs {
        assert!(matches!(job.join(), Err(JobError::Killed { signal: libc::SIGTERM, .. })));
    }
    assert!(!has_children(), "zombies");
    drop(jobs);
    assert_eq!(descriptors(), before);
    println!("{:?}", began.elapsed());
}

fn destructor_that_panics_after_the_spawn_leaves_no_job() {
    struct Panics;

    impl Drop for Panics {
        fn drop(&mut self) {
            panic!("a destructor");
        }
    }

    leaving_nothing(|| {
        let captured = Panics;
        let spawn = || Job::spawn(move || -> () { pause_with(&captured) }).map(drop);
        assert!(std::panic::catch_unwind(std::panic::AssertUnwindSafe(spawn)).is_err());
    });
}

fn pause_with<T>(_: &T) -> ! {
    pause()
}

fn drop_kills_the_whole_group() {
    leaving_nothing(|| {
        let job = Job::spawn(|| -> () {
            fork();
            fork();
            pause()
        });
        let job = job.unwrap();
        let group = job.id();
        let members = || processes_of_group(group);
        soon("four members", || members().len() == 4);
        drop(job);
        soon("the group to be gone", || members().is_empty());
    });
}

fn group_ends_with_its_leader() {
    leaving_nothing(|| {
        let job = Job::spawn(|| {
            if fork() == 0 {
                pause()
            }
            5
        });
        let job = job.unwrap();
        assert_eq!(job.join().unwrap(), 5);
        soon("the group to be gone", || processes_of_group(job.id()).is_empty());
    });
}

fn processes_of_group(group: u32) -> Vec<u32> {
    let pids =
        fs::read_dir("/proc").unwrap().filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    pids.filter(|pid: &u32| {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        let fields = stat.rsplit(')').next().unwrap_or_default().split_whitespace();
        fields.clone().nth(2) == Some(&group.to_string()) && fields.clone().next() != Some("Z")
    })
    .collect()
}

/// Signals go to the child alone.
fn foreground_job_stays_in_the_parents_group() {
    leaving_nothing(|| {
        let group = || nix::unistd::getpgrp().as_raw();
        let own_group = group();
        assert_ne!(process::run(Duration::MAX, group).unwrap(), own_group);
        assert_eq!(Job::builder().foreground(true).run(group).unwrap(), own_group);
        let job = Job::builder().foreground(true).spawn(|| -> () { pause() }).unwrap();
        job.terminate().unwrap();
        assert!(matches!(job.join(), Err(JobError::Killed { signal: libc::SIGTERM, .. })));
        drop(Job::builder().foreground(true).spawn(|| -> () { pause() }).unwrap());
    });
}

fn detached_job_is_reaped_by_the_next_spawn() {
    let flag = std::env::temp_dir().join(format!("sigalarm-detached-{}", std::process::id()));
    let job = Job::spawn(|| {
        std::thread::sleep(Duration::from_millis(100));
        File::create(&flag).unwrap();
    });
    let job = job.unwrap();
    let pid = job.id();
    let before = descriptors().len();
    job.detach();
    assert!(is_running(pid) && before > descriptors().len());
    soon("the job to write its file", || flag.exists());
    fs::remove_file(&flag).unwrap();
    soon("it to end", || !is_running(pid));
    process::run(Duration::MAX, || ()).unwrap();
    assert!(!has_children(), "the next spawn reaps it");

    let job = Job::spawn(|| ()).unwrap();
    job.join().unwrap();
    job.detach();
}

fn buffered_output_appears_once() {
    print!("parent before, ");
    c_print(c"parent's C, ");
    process::run(Duration::MAX, || {
        print!("child, ");
        c_print(c"child's C, ");
    })
    .unwrap();
    let _ = process::run(Duration::MAX, || -> () {
        print!("panicking child, ");
        panic!();
    });
    println!("parent after");
}

#[allow(unsafe_code)]
fn c_print(text: &'static std::ffi::CStr) {
    // SAFETY: a string without conversions. The C library locks its stream.
    unsafe { libc::printf(text.as_ptr()) };
}

fn buffered_c_stream_is_written_once() {
    let path = std::env::temp_dir().join(format!("sigalarm-c-streams-{}", std::process::id()));
    let stream = CStream::create(&path);
    let alone = || stream.put(c"child, ");
    let with_a_thread = || {
        let (end, wait) = std::sync::mpsc::channel::<()>();
        std::thread::spawn(move || wait.recv());
        stream.put(c"threads, ");
        std::mem::forget(end);
    };
    stream.put(c"parent, ");
    process::run(Duration::MAX, alone).unwrap();
    stream.put(c"parent, ");
    process::run(Duration::MAX, with_a_thread).unwrap();
    drop(stream);
    assert_eq!(fs::read_to_string(&path).unwrap(), "parent, child, parent, threads, ");

    let wide = CStream::create(&path);
    process::run(Duration::MAX, || wide.put_wide('w')).unwrap();
    drop(wide);
    assert_eq!(fs::read_to_string(&path).unwrap(), "w");
    fs::remove_file(&path).unwrap();
}

struct CStream(*mut libc::FILE);

#[allow(unsafe_code)]
impl CStream {
    fn create(path: &Path) -> CStream {
        let path = std::ffi::CString::new(path.as_os_str().as_encoded_bytes()).unwrap();
        // SAFETY: both are C strings.
        let stream = unsafe { libc::fopen(path.as_ptr(), c"w".as_ptr()) };
        assert!(!stream.is_null());
        CStream(stream)
    }

    fn put(&self, text: &std::ffi::CStr) {
        // SAFETY: an open stream and a C string.
        assert!(unsafe { libc::fputs(text.as_ptr(), self.0) } >= 0);
    }

    fn put_wide(&self, letter: char) {
        unsafe extern "C" {
            fn fputwc(wide: libc::wchar_t, stream: *mut libc::FILE) -> libc::c_uint;
        }
        // SAFETY: an open stream.
        assert_eq!(unsafe { fputwc(letter as libc::wchar_t, self.0) }, letter as libc::c_uint);
    }
}

impl Drop for CStream {
    #[allow(unsafe_code)]
    fn drop(&mut self) {
        // SAFETY: an open stream, not used again.
        unsafe { libc::fclose(self.0) };
    }
}

fn output_can_be_redirected() {
    let path = std::env::temp_dir().join(format!("sigalarm-redirected-{}", std::process::id()));
    leaving_nothing(|| {
        let talk = || {
            println!("to stdout");
            eprintln!("to stderr");
        };
        let file = File::create(&path).unwrap();
        Job::builder().stdout(file.try_clone().unwrap()).stderr(file).run(talk).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "to stdout\nto stderr\n");
        fs::remove_file(&path).unwrap();
        Job::builder().stdout(Output::Null).stderr(Output::Null).run(talk).unwrap();
    });
    println!("the parent's own");
}

/// New files get the numbers of closed streams.
fn redirection_works_with_closed_standard_streams() {
    let path = |name| std::env::temp_dir().join(format!("sigalarm-{name}-{}", std::process::id()));
    let (one, two) = (path("one"), path("two"));
    nix::unistd::close(1).unwrap();
    nix::unistd::close(2).unwrap();
    let (to_one, to_two) = (File::create(&one).unwrap(), File::create(&two).unwrap());
    let numbers = (to_one.as_raw_fd(), to_two.as_raw_fd());
    let talk = || {
        println!("to stdout");
        eprintln!("to stderr");
    };
    let crossed = Job::builder().stdout(to_two).stderr(to_one).run(talk).is_ok();
    let crossed = crossed && read_to_string(&one) == "to stderr\n" && read_to_string(&two) == "to stdout\n";
    // A file that already has its number survives an `exec`.
    let to_one = File::create(&one).unwrap();
    let in_place = to_one.as_raw_fd() == 1;
    let executes = Job::builder().stdout(to_one).spawn(|| drop(Command::new("echo").arg("hello").exec()));
    let exited = matches!(executes.unwrap().join(), Err(JobError::Exited { code: 0, .. }));
    let survived = in_place && exited && read_to_string(&one) == "hello\n";
    fs::remove_file(&one).unwrap();
    fs::remove_file(&two).unwrap();
    // An assertion would print nothing.
    exit_now(match (numbers, crossed, survived) {
        ((1, 2), true, true) => 0,
        ((1, 2), false, _) => 1,
        ((1, 2), _, false) => 2,
        _ => 3,
    });
}

fn read_to_string(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_default()
}

/// The value has no reader, and SIGPIPE kills.
fn detached_job_keeps_its_output() {
    children::signal(libc::SIGPIPE, libc::SIG_DFL);
    let path = std::env::temp_dir().join(format!("sigalarm-printing-{}", std::process::id()));
    let (go, wait) = UnixStream::pair().unwrap();
    let job = Job::builder().stdout(File::create(&path).unwrap()).spawn(|| {
        (&wait).read_exact(&mut [0]).unwrap();
        print!("the whole output");
        "x".repeat(1_000_000)
    });
    let job = job.unwrap();
    let pid = job.id();
    job.detach();
    (&go).write_all(b"!").unwrap();
    soon("it to end", || !is_running(pid));
    assert_eq!(read_to_string(&path), "the whole output");
    fs::remove_file(&path).unwrap();
}

fn drop_detaches_a_job_that_cannot_be_killed() {
    let (end, wait) = UnixStream::pair().unwrap();
    let builder = Job::builder().foreground(true).die_with_parent(false);
    let job = builder.spawn(|| (&wait).read_exact(&mut [0]).unwrap()).unwrap();
    let pid = job.id();
    if children::drop_privileges() && job.signal(0).is_err() {
        assert!(job.kill().is_err());
        drop(job);
        assert!(is_running(pid));
    } else {
        println!("skipped: cannot become another user");
        drop(job);
    }
    let _ = (&end).write_all(b"!");
    soon("it to end", || !is_running(pid));
    // The next spawn reaps it.
    process::run(Duration::MAX, || ()).unwrap();
    assert!(!has_children());
}

/// A moved value is dropped on both sides, as documented.
fn parents_destructors_do_not_run_in_the_child() {
    static DROPS: AtomicUsize = AtomicUsize::new(0);
    struct Counted(&'static str);
    impl Drop for Counted {
        fn drop(&mut self) {
            DROPS.fetch_add(1, Ordering::Relaxed);
            println!("{} in {}", self.0, side());
        }
    }
    thread_local!(static LOCAL: Counted = const { Counted("thread-local") });
    fn side() -> &'static str {
        if std::process::id() as usize == PARENT.load(Ordering::Relaxed) { "the parent" } else { "the child" }
    }
    static PARENT: AtomicUsize = AtomicUsize::new(0);
    PARENT.store(std::process::id() as usize, Ordering::Relaxed);
    LOCAL.with(|_| ());
    let moved = Counted("moved");
    let lent = Counted("lent");
    let job = Job::spawn(move || drop(moved)).unwrap();
    job.join().unwrap();
    process::run(Duration::MAX, || assert_eq!(lent.0, "lent")).unwrap();
    let _ = process::run(Duration::MAX, || -> () { panic!() });
    std::io::stdout().flush().unwrap();
}

fn parents_handlers_do_not_run_in_the_child() {
    static CAUGHT: AtomicUsize = AtomicUsize::new(0);
    extern "C" fn on_term(_: libc::c_int) {
        CAUGHT.fetch_add(1, Ordering::Relaxed);
    }
    for what in [on_term as extern "C" fn(libc::c_int) as usize, libc::SIG_IGN] {
        children::signal(libc::SIGTERM, what);
        leaving_nothing(|| {
            let job = Job::spawn(|| -> () { pause() }).unwrap();
            job.terminate().unwrap();
            assert!(matches!(job.join(), Err(JobError::Killed { signal: libc::SIGTERM, .. })));
        });
    }
    children::signal(libc::SIGTERM, libc::SIG_DFL);
    support::process::block(libc::SIGTERM);
    let job = Job::spawn(|| -> () { pause() }).unwrap();
    job.terminate().unwrap();
    assert!(matches!(job.join(), Err(JobError::Killed { signal: libc::SIGTERM, .. })));
    assert!(support::process::mask().contains(&libc::SIGTERM), "the parent's mask is as it was");
    // A signal that `nohup` ignores stays ignored.
    children::signal(libc::SIGHUP, libc::SIG_IGN);
    process::run(Duration::MAX, || children::raise(libc::SIGHUP)).unwrap();
    assert_eq!(CAUGHT.load(Ordering::Relaxed), 0);
}

fn job_dies_with_its_parent() {
    let (read, write) = UnixStream::pair().unwrap();
    let parent = fork();
    if parent == 0 {
        let job = Job::spawn(|| -> () { pause() }).unwrap();
        let child_id = job.id().to_string();
        (&write).write_all(child_id.as_bytes()).unwrap();
        (&write).write_all(b"\n").unwrap();
        children::raise(libc::SIGKILL);
    }
    drop(write);
    let mut child_id = String::new();
    BufReader::new(read).read_line(&mut child_id).unwrap();
    let child: u32 = child_id.trim().parse().unwrap();
    soon("the child to die", || !is_running(child));
    let _ = nix::sys::wait::waitpid(nix::unistd::Pid::from_raw(parent), None);
}

/// The parent dies before the child has set its death signal.
#[allow(unsafe_code)]
fn job_of_a_dead_parent_does_not_run() {
    static PARENT: AtomicI32 = AtomicI32::new(0);
    extern "C" fn in_parent() {
        children::raise(libc::SIGKILL);
    }
    extern "C" fn in_child() {
        while nix::unistd::getppid().as_raw() == PARENT.load(Ordering::Relaxed) {
            std::thread::sleep(Duration::from_millis(1));
        }
    }
    let (mut read, write) = UnixStream::pair().unwrap();
    let parent = fork();
    if parent == 0 {
        PARENT.store(nix::unistd::getpid().as_raw(), Ordering::Relaxed);
        // SAFETY: both live as long as the program and do not unwind.
        assert_eq!(unsafe { libc::pthread_atfork(None, Some(in_parent), Some(in_child)) }, 0);
        let _ = Job::spawn(|| (&write).write_all(b"it runs").is_ok());
        exit_now(1);
    }
    drop(write);
    let mut said = String::new();
    read.read_to_string(&mut said).unwrap();
    assert_eq!(said, "");
    let ended = nix::sys::wait::waitpid(nix::unistd::Pid::from_raw(parent), None).unwrap();
    assert!(matches!(ended, nix::sys::wait::WaitStatus::Signaled(_, nix::sys::signal::Signal::SIGKILL, _)));
}

fn captured_job_is_inert_in_another() {
    leaving_nothing(|| {
        let job = Job::spawn(|| 5).unwrap();
        let other = Job::spawn(|| {
            assert!(matches!(job.join(), Err(JobError::NotParent)));
            assert!(!job.is_alive() && job.exit_status().is_none() && job.kill().is_err());
            true
        });
        assert!(other.unwrap().join().unwrap());
        assert_eq!(job.join().unwrap(), 5);

        let job = Job::spawn(|| -> () { pause() }).unwrap();
        let copy = fork();
        if copy == 0 {
            drop(job);
            exit_now(0);
        }
        nix::sys::wait::waitpid(nix::unistd::Pid::from_raw(copy), None).unwrap();
        assert!(is_running(job.id()) && job.is_alive(), "the copy's drop killed the job");
    });
}

fn prints(expected: &'static str) -> impl Fn(&Outcome) -> Result<(), String> {
    move |outcome| {
        if outcome.status.success() && outcome.stdout == expected && outcome.stderr.is_empty() {
            Ok(())
        } else {
            Err(format!("expected {expected:?}"))
        }
    }
}

pub fn scenarios() -> Vec<Scenario> {
    vec![
        scenario("thousand_jobs_leave_nothing", thousand_jobs_leave_nothing),
        scenario("drop_kills_the_whole_group", drop_kills_the_whole_group),
        scenario(
            "destructor_that_panics_after_the_spawn_leaves_no_job",
            destructor_that_panics_after_the_spawn_leaves_no_job,
        ),
        scenario("group_ends_with_its_leader", group_ends_with_its_leader),
        scenario("foreground_job_stays_in_the_parents_group", foreground_job_stays_in_the_parents_group),
        scenario("detached_job_is_reaped_by_the_next_spawn", detached_job_is_reaped_by_the_next_spawn),
        scenario("buffered_output_appears_once", buffered_output_appears_once)
            .judged(prints("parent before, parent's C, child, child's C, panicking child, parent after\n")),
        scenario("buffered_c_stream_is_written_once", buffered_c_stream_is_written_once),
        scenario("output_can_be_redirected", output_can_be_redirected).judged(prints("the parent's own\n")),
        scenario(
            "redirection_works_with_closed_standard_streams",
            redirection_works_with_closed_standard_streams,
        ),
        scenario("detached_job_keeps_its_output", detached_job_keeps_its_output),
        scenario("drop_detaches_a_job_that_cannot_be_killed", drop_detaches_a_job_that_cannot_be_killed),
        scenario("parents_destructors_do_not_run_in_the_child", parents_destructors_do_not_run_in_the_child)
            .judged(|outcome| {
                // Both processes print at the same time.
                let mut lines: Vec<&str> = outcome.stdout.lines().collect();
                lines.sort_unstable();
                match lines[..] {
                    [
                        "lent in the parent",
                        "moved in the child",
                        "moved in the parent",
                        "thread-local in the parent",
                    ] => Ok(()),
                    _ => Err("expected each once".into()),
                }
            }),
        scenario("parents_handlers_do_not_run_in_the_child", parents_handlers_do_not_run_in_the_child),
        scenario("job_dies_with_its_parent", job_dies_with_its_parent),
        scenario("job_of_a_dead_parent_does_not_run", job_of_a_dead_parent_does_not_run),
        scenario("captured_job_is_inert_in_another", captured_job_is_inert_in_another),
    ]
}
