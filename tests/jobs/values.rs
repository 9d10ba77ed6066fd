//! Values from a hostile child, and values that cannot pass: each has a typed error, and none ends the parent.

use std::fmt;
use std::io::Write;

use crate::support::children::{
    descriptors, has_children, leaving_nothing, pause, set_limit, write_end_not_in,
};
use crate::support::{Scenario, scenario};
use nix::sys::resource::Resource;
use serde::de::DeserializeOwned;
use serde::ser::SerializeTuple;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sigalarm::process::{self, Job, JobError};

/// A value whose child sends other bytes in its place.
struct Forged<T>(Vec<u8>, Option<T>);

impl<T> Serialize for Forged<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut bytes = serializer.serialize_tuple(self.0.len())?;
        self.0.iter().try_for_each(|byte| bytes.serialize_element(byte))?;
        bytes.end()
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Forged<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Forged<T>, D::Error> {
        T::deserialize(deserializer).map(|value| Forged(Vec::new(), Some(value)))
    }
}

fn forging<T: DeserializeOwned>(builder: process::Builder, bytes: &[u8]) -> Job<Forged<T>> {
    let bytes = bytes.to_vec();
    builder.spawn(move || Forged(bytes, None)).unwrap()
}

fn decoded<T: DeserializeOwned>(builder: process::Builder, bytes: &[u8]) -> Result<T, JobError> {
    forging(builder, bytes).join().map(|forged| forged.1.unwrap())
}

#[derive(Debug, Serialize, Deserialize)]
struct List(#[allow(dead_code)] Option<Box<List>>);

#[derive(Debug, Serialize, Deserialize)]
enum Tree {
    Leaf,
    Branch { name: String, numbers: [u64; 8], children: Vec<Tree>, other: Option<Box<Tree>> },
}

/// A million nodes in a megabyte, on the main thread and on a small stack.
fn value_nested_too_deeply_is_an_error() {
    leaving_nothing(|| {
        let list = vec![1_u8; 1 << 20];
        let tree = [&[1_u8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1][..]; 1 << 16].concat();
        let limited = || Job::builder().value_limit(1 << 20);
        let too_deep = |e: JobError| matches!(e, JobError::TooDeep { limit: 256, .. });
        assert!(too_deep(decoded::<List>(limited(), &list).unwrap_err()));
        assert!(too_deep(decoded::<Tree>(limited(), &tree).unwrap_err()));

        let (lists, trees) = (forging::<List>(limited(), &list), forging::<Tree>(limited(), &tree));
        let small = || std::thread::Builder::new().stack_size(2 << 20);
        std::thread::scope(|s| {
            let outcome = small().spawn_scoped(s, || lists.join().map(drop)).unwrap();
            assert!(too_deep(outcome.join().unwrap().unwrap_err()));
            let outcome = small().spawn_scoped(s, || trees.join().map(drop)).unwrap();
            assert!(too_deep(outcome.join().unwrap().unwrap_err()));
        });
    });
}

fn depth_limit_can_be_set() {
    leaving_nothing(|| {
        let list = |nodes: usize| move || (1..nodes).fold(List(None), |list, _| List(Some(Box::new(list))));
        assert!(process::run(std::time::Duration::MAX, list(128)).is_ok());
        let deep = |nodes, limit| Job::builder().depth_limit(limit).run(list(nodes));
        assert!(deep(1_000, 2_000).is_ok());
        assert!(matches!(deep(1_001, 2_000), Err(JobError::TooDeep { limit: 2_000, .. })));
        assert!(matches!(deep(1, 0), Err(JobError::TooDeep { limit: 0, .. })));
        assert!(Job::builder().depth_limit(0).run(|| "flat".to_owned()).is_ok());
    });
}

fn claimed_lengths_allocate_nothing() {
    leaving_nothing(|| {
        let claims = [1_u64 << 20, 1 << 40, u64::MAX].map(|n| {
            let mut bytes = Vec::new();
            let mut rest = n;
            while rest >= 0x80 {
                bytes.push(rest as u8 | 0x80);
                rest >>= 7;
            }
            [&bytes[..], &[rest as u8]].concat()
        });
        let before = resident();
        for bytes in &claims {
            let outcome = decoded::<Vec<()>>(Job::builder(), bytes);
            assert!(matches!(outcome, Err(JobError::NotDecoded { .. })), "{outcome:?}");
            let outcome = decoded::<Vec<u64>>(Job::builder(), bytes);
            assert!(matches!(outcome, Err(JobError::NotDecoded { .. })), "{outcome:?}");
            let outcome = decoded::<std::collections::HashMap<(), ()>>(Job::builder(), bytes);
            assert!(matches!(outcome, Err(JobError::NotDecoded { .. })), "{outcome:?}");
        }
        assert!(resident() < before + (32 << 20), "{} and then {}", before, resident());
        let units = |n| process::run(std::time::Duration::MAX, || vec![(); n]);
        assert_eq!(units(60_000).unwrap().len(), 60_000);
        assert!(matches!(units(70_000), Err(JobError::NotDecoded { .. })));
        // Fields without bytes are not elements.
        let pairs = vec![((), 1_u8); 70_000];
        assert!(process::run(std::time::Duration::MAX, || pairs.clone()).unwrap() == pairs);
        assert!(matches!(decoded::<u8>(Job::builder(), &[1, 2]), Err(JobError::NotDecoded { .. })));
    });
}

/// Returns the resident memory in bytes.
fn resident() -> u64 {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap();
    statm.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() * 4096
}

fn value_is_an_error_if_the_parent_is_out_of_memory() {
    set_limit(Resource::RLIMIT_AS, 512 << 20);
    leaving_nothing(|| {
        let before = descriptors();
        let endless = || -> () {
            let mut pipe = write_end_not_in(&before);
            let piece = vec![7_u8; 1 << 16];
            while pipe.write_all(&piece).is_ok() {}
            pause()
        };
        let job = Job::spawn(endless).unwrap();
        let outcome = job.join();
        assert!(
            matches!(outcome, Err(JobError::OutOfMemory { bytes, .. }) if bytes > 100 << 20),
            "{outcome:?}"
        );
        assert_eq!(job.exit_code(), Some(-9));
        assert!(!has_children());
        assert_eq!(process::run(std::time::Duration::MAX, || "x".repeat(1 << 20)).unwrap().len(), 1 << 20);
    });
}

fn errors_keep_their_text() {
    #[derive(Debug)]
    struct Refuses;

    impl Serialize for Refuses {
        fn serialize<S: serde::Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
            Err(serde::ser::Error::custom("the socket has no address"))
        }
    }

    impl<'de> Deserialize<'de> for Refuses {
        fn deserialize<D: serde::Deserializer<'de>>(_: D) -> Result<Refuses, D::Error> {
            Ok(Refuses)
        }
    }

    #[derive(Debug, Serialize)]
    struct Odd(u8);

    impl<'de> Deserialize<'de> for Odd {
        fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Odd, D::Error> {
            match u8::deserialize(from)? {
                n if n % 2 == 1 => Ok(Odd(n)),
                n => Err(serde::de::Error::custom(format_args!("{n} is not odd"))),
            }
        }
    }

    #[derive(Debug, Serialize, Deserialize)]
    #[serde(untagged)]
    enum Untagged {
        Number(u8),
    }

    #[derive(Debug, Serialize, Deserialize)]
    struct Flat {
        #[serde(flatten)]
        rest: std::collections::BTreeMap<String, u8>,
    }

    #[derive(Debug, Serialize, Deserialize)]
    struct Skips {
        #[serde(skip_serializing_if = "Option::is_none")]
        middle: Option<u8>,
        last: u8,
    }

    fn message<T: fmt::Debug + Serialize + serde::de::DeserializeOwned>(f: impl FnOnce() -> T) -> String {
        match process::run(std::time::Duration::MAX, f) {
            Err(JobError::NotEncoded { message, .. } | JobError::NotDecoded { message, .. }) => {
                message.to_string()
            }
            other => panic!("{other:?}"),
        }
    }

    leaving_nothing(|| {
        assert_eq!(message(|| (1, vec![Refuses])), "the socket has no address");
        assert_eq!(message(|| Some(Odd(4))), "4 is not odd");
        let path = || std::path::PathBuf::from(not_utf_8());
        assert_eq!(message(path), "path contains invalid UTF-8 characters");
        assert_eq!(process::run(std::time::Duration::MAX, || path().into_os_string()).unwrap(), not_utf_8());
        for text in [message(|| Untagged::Number(1)), message(|| Flat { rest: [("a".to_owned(), 1)].into() })]
        {
            assert!(text.contains("a `String` of JSON"), "{text}");
        }
        let text = message(|| Skips { middle: None, last: 1 });
        assert!(text.contains("`middle`"), "{text}");
        let zero = Job::builder().run(|| 0_u8).unwrap();
        assert!(message(|| Zero(zero)).contains("nonzero"));
    });
}

/// Sent as a plain number, received as a nonzero one.
#[derive(Debug)]
struct Zero(u8);

impl Serialize for Zero {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_u8(self.0)
    }
}

impl<'de> Deserialize<'de> for Zero {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Zero, D::Error> {
        std::num::NonZeroU8::deserialize(from).map(|n| Zero(n.get()))
    }
}

fn not_utf_8() -> std::ffi::OsString {
    std::os::unix::ffi::OsStringExt::from_vec(vec![b'/', 0xff])
}

pub fn scenarios() -> Vec<Scenario> {
    vec![
        scenario("value_nested_too_deeply_is_an_error", value_nested_too_deeply_is_an_error),
        scenario("depth_limit_can_be_set", depth_limit_can_be_set),
        scenario("claimed_lengths_allocate_nothing", claimed_lengths_allocate_nothing),
        scenario(
            "value_is_an_error_if_the_parent_is_out_of_memory",
            value_is_an_error_if_the_parent_is_out_of_memory,
        ),
        scenario("errors_keep_their_text", errors_keep_their_text),
    ]
}
