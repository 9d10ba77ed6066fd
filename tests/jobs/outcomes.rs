//! Outcomes of a job: value, panic, or death.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use crate::support::children::{exit_now, leaving_nothing, raise};
use crate::support::{Scenario, scenario};
use nix::libc;
use serde::de::Error as _;
use serde::ser::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sigalarm::process::{self, Exit, Job, JobError};
use sigalarm::{Alarm, Cause, TimedOut, checkpoint};

fn values_are_returned() {
    leaving_nothing(|| {
        let nothing = Job::spawn(|| ()).unwrap();
        nothing.join().unwrap();

        let (text, numbers) = ("grüße".to_owned(), vec![1.5, -0.0, f64::MAX]);
        let job = Job::spawn(|| (text.clone(), numbers.clone(), Some(i128::MIN))).unwrap();
        assert_eq!(job.join().unwrap(), (text, numbers, Some(i128::MIN)));
        assert_eq!((job.exit_status(), job.exit_code()), (Some(Exit::Code(0)), Some(0)));
        assert!(job.usage().unwrap().max_resident > 0);
    });
}

fn second_join_returns_the_same() {
    leaving_nothing(|| {
        let job = Job::spawn(|| vec![1, 2, 3]).unwrap();
        for _ in 0..3 {
            assert_eq!(job.join().unwrap(), [1, 2, 3]);
        }
        assert_eq!(job.join_timeout(Duration::ZERO).unwrap(), [1, 2, 3]);

        let job = Job::spawn(|| -> () { panic!("once") }).unwrap();
        let messages: Vec<String> = (0..2).map(|_| job.join().unwrap_err().to_string()).collect();
        assert_eq!(messages[0], messages[1]);
    });
}

fn large_values_are_returned() {
    leaving_nothing(|| {
        for size in [0, 65_535, 65_536, 65_537, 5_000_000, 100_000_000] {
            let text = process::run(Duration::MAX, || "x".repeat(size)).unwrap();
            assert!(text.len() == size && text.bytes().all(|b| b == b'x'), "{size}");
        }
        // Around the sizes of the sender's buffers. A string goes in one piece, a vector byte by byte.
        for size in [256, 64 << 10, 256 << 10].into_iter().flat_map(|size| size - 20..size + 10) {
            let text = "x".repeat(size);
            let bytes: Vec<u8> = (0..size).map(|n| n as u8).collect();
            assert!(process::run(Duration::MAX, || text.clone()).unwrap() == text, "{size}");
            assert!(process::run(Duration::MAX, || bytes.clone()).unwrap() == bytes, "{size}");
            let both = (text, bytes, 7_u64);
            assert!(process::run(Duration::MAX, || both.clone()).unwrap() == both, "{size}");
        }
        let numbers = process::run(Duration::MAX, || (0..1_000_000_u32).collect::<Vec<_>>()).unwrap();
        assert!(numbers.iter().copied().eq(0..1_000_000));
    });
}

fn panic_is_returned_with_message_and_location() {
    leaving_nothing(|| {
        let line = line!() + 1;
        let job = Job::spawn(|| -> u8 { panic!("not {}", "today") }).unwrap();
        let Err(JobError::Panicked(panic)) = job.join() else { panic!("expected a panic") };
        assert_eq!(panic.message(), "not today");
        let place = panic.location().unwrap();
        assert_eq!((place.file(), place.line()), (file!(), line));
        assert_eq!(panic.to_string(), format!("panicked at {place}: not today"));
        assert_eq!(job.exit_code(), Some(101));

        let any = process::run(Duration::MAX, || -> () { std::panic::panic_any(7) });
        assert!(matches!(any, Err(JobError::Panicked(p)) if p.message() == "Box<dyn Any>"));
        let resumed = process::run(Duration::MAX, || -> () { std::panic::resume_unwind(Box::new("again")) });
        assert!(
            matches!(resumed, Err(JobError::Panicked(p)) if p.message() == "again" && p.location().is_none())
        );

        // A caught panic is not reported.
        let caught = process::run(Duration::MAX, || std::panic::catch_unwind(|| panic!("inner")).is_err());
        assert!(caught.unwrap());

        // A message of megabytes is cut at a character boundary.
        let long = process::run(Duration::MAX, || -> () { panic!("{}", "ß".repeat(5_000_000)) });
        assert!(matches!(long, Err(JobError::Panicked(p)) if p.message() == "ß".repeat(32 * 1024)));
    });
}

fn parents_panic_hook_does_not_run_in_the_child() {
    std::panic::set_hook(Box::new(|_| println!("the parent's hook")));
    let outcome = process::run(Duration::MAX, || -> () { panic!("in the child") });
    assert!(matches!(outcome, Err(JobError::Panicked(_))));
    println!("after the job");
    let _ = std::panic::catch_unwind(|| panic!("in the parent"));
}

fn panic_in_a_destructor_is_an_outcome() {
    static PARENT: AtomicU32 = AtomicU32::new(0);
    struct Bomb;
    impl Drop for Bomb {
        fn drop(&mut self) {
            panic!("dropped");
        }
    }
    #[derive(Deserialize)]
    struct Value;
    impl Serialize for Value {
        fn serialize<S: Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
            panic!("in the middle")
        }
    }
    #[derive(Serialize, Deserialize)]
    struct Harmless;
    impl Drop for Harmless {
        fn drop(&mut self) {
            assert_eq!(std::process::id(), PARENT.load(Ordering::Relaxed));
        }
    }
    struct SpawnsWhenDropped;
    impl Drop for SpawnsWhenDropped {
        fn drop(&mut self) {
            let outcome = process::run(Duration::MAX, || -> () { panic!("from a destructor") });
            assert!(matches!(outcome, Err(JobError::Panicked(p)) if p.message() == "from a destructor"));
            assert_eq!(process::run(Duration::MAX, || 5).unwrap(), 5);
            println!("survived");
        }
    }
    leaving_nothing(|| {
        let local = process::run(Duration::MAX, || {
            let _bomb = Bomb;
        });
        assert!(matches!(local, Err(JobError::Panicked(p)) if p.message() == "dropped"));

        let twice = Job::spawn(|| -> () {
            let _bomb = Bomb;
            panic!("first");
        })
        .unwrap();
        let ended = twice.join().unwrap_err();
        assert!(matches!(ended, JobError::Killed { signal: libc::SIGABRT, .. }), "{ended}");

        let sent = process::run(Duration::MAX, || Value);
        assert!(matches!(sent, Err(JobError::Panicked(p)) if p.message() == "in the middle"));

        // The value's destructor runs only in the process that received it.
        PARENT.store(std::process::id(), Ordering::Relaxed);
        drop(process::run(Duration::MAX, || Harmless).unwrap());
    });
    let _ = std::panic::catch_unwind(|| {
        let _spawns = SpawnsWhenDropped;
        panic!("in the parent");
    });
}

fn exits_and_signals_are_reported() {
    leaving_nothing(|| {
        for code in [0, 3, 255] {
            let job = Job::spawn(|| -> () { std::process::exit(code) }).unwrap();
            assert!(matches!(job.join(), Err(JobError::Exited { code: c, .. }) if c == code));
            assert_eq!(job.exit_code(), Some(code));
        }
        for signal in [libc::SIGKILL, libc::SIGTERM, libc::SIGUSR1, libc::SIGALRM] {
            let job = Job::spawn(|| raise(signal)).unwrap();
            let ended = job.join().unwrap_err();
            assert!(matches!(ended, JobError::Killed { signal: s, .. } if s == signal), "{ended}");
            assert_eq!(job.exit_code(), Some(-signal));
        }
        let aborted = process::run(Duration::MAX, || -> () { std::process::abort() }).unwrap_err();
        assert!(matches!(aborted, JobError::Killed { signal: libc::SIGABRT, .. }), "{aborted}");
    });
}

fn stack_overflow_is_reported() {
    #[allow(unconditional_recursion)]
    fn down(depth: u64) -> u64 {
        std::hint::black_box([depth; 64]).iter().sum::<u64>() + down(depth + 1)
    }
    leaving_nothing(|| {
        let ended = process::run(Duration::MAX, || down(0)).unwrap_err();
        assert!(matches!(ended, JobError::Killed { signal: libc::SIGABRT | libc::SIGSEGV, .. }), "{ended}");
    });
}

struct Opaque;

impl Serialize for Opaque {
    fn serialize<S: Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
        Err(S::Error::custom("secret"))
    }
}

impl<'de> Deserialize<'de> for Opaque {
    fn deserialize<D: Deserializer<'de>>(_: D) -> Result<Opaque, D::Error> {
        Err(D::Error::custom("secret"))
    }
}

/// Serializes, and fails to deserialize.
#[derive(Debug)]
struct OneWay;

impl Serialize for OneWay {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str("hello")
    }
}

impl<'de> Deserialize<'de> for OneWay {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<OneWay, D::Error> {
        deserializer.deserialize_any(serde::de::IgnoredAny).map(|_| OneWay)
    }
}

/// Reads less than was written.
#[derive(Debug, Serialize)]
struct Half(u64, u64);

impl<'de> Deserialize<'de> for Half {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Half, D::Error> {
        u64::deserialize(deserializer).map(|n| Half(n, n))
    }
}

/// Bytes that decode as the wrong fields without an error: the length of `c` becomes `b`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Sparse {
    #[serde(skip_serializing_if = "Option::is_none", default)]
    a: Option<u8>,
    b: u8,
    c: Vec<u8>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
enum Rarely {
    Sparse {
        #[serde(skip_serializing_if = "Option::is_none", default)]
        a: Option<u8>,
        b: [u8; 2],
    },
    Nothing,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
enum Everything {
    Unit(()),
    Tuple((bool, i8, i16, i32, i64, i128), (u8, u16, u32, u64, u128, f32, f64, char)),
    Struct { text: String, map: BTreeMap<String, Vec<Option<Newtype>>>, nothing: Nothing, pair: Pair },
    Address(std::net::IpAddr),
    Last,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Newtype(u16);

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Nothing;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Pair(u8, Box<str>);

fn values_of_every_kind_are_unchanged() {
    leaving_nothing(|| {
        let there_and_back = |value: &Everything| process::run(Duration::MAX, || value.clone()).unwrap();
        let vectors = vec![None, Some(Newtype(7)), Some(Newtype(u16::MAX))];
        for value in [
            Everything::Unit(()),
            Everything::Tuple((true, -1, -2, -3, -4, i128::MIN), (1, 2, 3, 4, u128::MAX, 0.5, -0.25, 'ß')),
            Everything::Struct {
                text: "text".into(),
                map: [("a".into(), vectors), ("b".into(), Vec::new())].into(),
                nothing: Nothing,
                pair: Pair(9, "boxed".into()),
            },
            Everything::Address("::1".parse().unwrap()),
            Everything::Last,
        ] {
            assert_eq!(there_and_back(&value), value);
        }
    });
}

fn field_that_is_skipped_is_an_error() {
    leaving_nothing(|| {
        let sparse = |a| Sparse { a, b: 1, c: vec![2, 0] };
        let whole = vec![sparse(Some(7)), sparse(Some(0))];
        assert_eq!(process::run(Duration::MAX, || whole.clone()).unwrap(), whole);
        for (a, then) in [(None, None), (Some(7), None), (None, Some(7))] {
            let refused =
                process::run(Duration::MAX, || vec![Some(sparse(a)), Some(sparse(then))]).unwrap_err();
            assert!(matches!(refused, JobError::NotEncoded { .. }), "{refused}");
            assert!(refused.to_string().contains("the field `a`"), "{refused}");
        }
        let rarely = Rarely::Sparse { a: None, b: [1, 2] };
        let refused = process::run(Duration::MAX, || (Rarely::Nothing, rarely.clone())).unwrap_err();
        assert!(matches!(refused, JobError::NotEncoded { .. }), "{refused}");
    });
}

fn codec_failures_are_errors() {
    leaving_nothing(|| {
        let job = Job::spawn(|| Opaque).unwrap();
        assert!(matches!(job.join(), Err(JobError::NotEncoded { .. })));
        assert_eq!(job.exit_code(), Some(1));
        // The error comes after a large part was sent.
        let job = Job::spawn(|| ("x".repeat(3_000_000), Opaque)).unwrap();
        assert!(matches!(job.join(), Err(JobError::NotEncoded { .. })));

        assert!(matches!(process::run(Duration::MAX, || OneWay), Err(JobError::NotDecoded { .. })));
        assert!(matches!(process::run(Duration::MAX, || Half(1, 2)), Err(JobError::NotDecoded { .. })));
    });
}

fn value_that_is_cut_short_is_an_error() {
    struct Midway(fn());
    impl Serialize for Midway {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            use serde::ser::SerializeTuple;
            let mut tuple = serializer.serialize_tuple(2)?;
            tuple.serialize_element(&"x".repeat(1_000_000))?;
            (self.0)();
            tuple.end()
        }
    }
    impl<'de> Deserialize<'de> for Midway {
        fn deserialize<D: Deserializer<'de>>(_: D) -> Result<Midway, D::Error> {
            unreachable!("nothing whole arrives")
        }
    }
    leaving_nothing(|| {
        for (end, expected) in [
            (Midway(|| raise(libc::SIGKILL)), Exit::Signal { signal: libc::SIGKILL, core_dumped: false }),
            (Midway(|| exit_now(0)), Exit::Code(0)),
        ] {
            let job = Job::spawn(|| end).unwrap();
            match job.join() {
                Err(JobError::CutShort { received, exit, .. }) => {
                    assert_eq!(exit, expected);
                    assert!(received >= 1_000_000, "{received}");
                }
                other => panic!("{:?}", other.map(|_| ())),
            }
        }
    });
}

fn returned_time_out_has_no_owner_in_the_parent() {
    fn long() -> Result<u64, TimedOut> {
        loop {
            checkpoint()?;
        }
    }
    leaving_nothing(|| {
        let five = || [(); 5].map(|()| Alarm::never().unwrap());
        drop(five());
        let alarm_in_child = || {
            let _alarm = Alarm::after(Duration::ZERO).unwrap();
            checkpoint().unwrap_err()
        };
        let job = Job::spawn(alarm_in_child).unwrap();
        let after = five();
        let timed_out = job.join().unwrap();
        assert!(after.iter().all(|alarm| !alarm.owns(&timed_out)));

        let _before = Alarm::never().unwrap();
        let limit = Duration::from_millis(10);
        let job = Job::builder().limit(limit).label("count").spawn(long).unwrap();
        let after = five();
        let timed_out = job.join().unwrap().unwrap_err();
        assert_eq!((timed_out.label(), timed_out.limit()), (Some("count"), Some(limit)));
        assert_eq!(timed_out.cause(), Cause::Deadline);
        assert!(timed_out.elapsed() >= limit);
        assert_eq!(timed_out.location().file(), file!());
        assert!(after.iter().all(|alarm| !alarm.owns(&timed_out)));
        assert!(timed_out.to_string().starts_with("count timed out after "), "{timed_out}");

        fn answer() -> Result<u64, JobError> {
            Ok(process::run(Duration::ZERO, long)??)
        }
        assert!(matches!(answer(), Err(JobError::TimedOut(_))));
    });
}

pub fn scenarios() -> Vec<Scenario> {
    vec![
        scenario("values_are_returned", values_are_returned),
        scenario("second_join_returns_the_same", second_join_returns_the_same),
        scenario("large_values_are_returned", large_values_are_returned),
        scenario("panic_is_returned_with_message_and_location", panic_is_returned_with_message_and_location),
        scenario(
            "parents_panic_hook_does_not_run_in_the_child",
            parents_panic_hook_does_not_run_in_the_child,
        )
        .judged(|outcome| {
            let expected = "after the job\nthe parent's hook\n";
            if outcome.stdout == expected && outcome.stderr.is_empty() {
                Ok(())
            } else {
                Err(format!("expected {expected:?}"))
            }
        }),
        scenario("panic_in_a_destructor_is_an_outcome", panic_in_a_destructor_is_an_outcome).judged(
            |outcome| match outcome.stdout.as_str() {
                "survived\n" if outcome.status.success() => Ok(()),
                _ => Err("expected it to survive".into()),
            },
        ),
        scenario("exits_and_signals_are_reported", exits_and_signals_are_reported),
        scenario("stack_overflow_is_reported", stack_overflow_is_reported),
        scenario("values_of_every_kind_are_unchanged", values_of_every_kind_are_unchanged),
        scenario("field_that_is_skipped_is_an_error", field_that_is_skipped_is_an_error),
        scenario("codec_failures_are_errors", codec_failures_are_errors),
        scenario("value_that_is_cut_short_is_an_error", value_that_is_cut_short_is_an_error),
        scenario(
            "returned_time_out_has_no_owner_in_the_parent",
            returned_time_out_has_no_owner_in_the_parent,
        ),
    ]
}
