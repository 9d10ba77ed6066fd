use super::expand;
use crate::expansion::assert_expands;

#[track_caller]
fn expands(options: &str, item: &str, expected: &str) {
    assert_expands(expand, options, item, expected);
}

#[test]
fn a_guard_stands_at_the_top_of_the_body() {
    expands(
        "\"1h 30min 1.5s\"",
        "#[must_use] pub fn r#try(&mut self) -> Result<(), TimedOut> { self.go()?; return Ok(()); }",
        "#[must_use] pub fn r#try(&mut self) -> Result<(), TimedOut> {
            let _alarm = match ::sigalarm::Alarm::builder()
                .after(::core::time::Duration::new(5401u64, 500000000u32))
                .label(\"try\")
                .arm()
            {
                ::core::result::Result::Ok(alarm) => alarm,
                ::core::result::Result::Err(e) => {
                    ::core::panic!(\"`try` cannot be put under its time limit: {}\", e)
                }
            };
            self.go()?;
            return Ok(());
        }",
    );
}

#[test]
fn the_limit_can_be_computed_and_the_arming_tried() {
    expands(
        "self.budget / 2, try_arm, label = \"search\", crate = crate::alarm",
        "fn solve(&self) -> anyhow::Result<()> { Ok(()) }",
        "fn solve(&self) -> anyhow::Result<()> {
            let _alarm = crate::alarm::Alarm::builder().after(self.budget / 2).label(\"search\").arm()?;
            Ok(())
        }",
    );
}

#[test]
fn it_lets_cooperative_go_first() {
    expands(
        "\"10s\", label = \"x\"",
        "#[inline] #[cooperative(every = 4)] fn solve() -> Result<(), TimedOut> { Ok(()) }",
        "#[inline] #[cooperative(every = 4)] #[::sigalarm::time_limit(\"10s\", label = \"x\")] fn solve() -> Result<(), TimedOut> { Ok(()) }",
    );
}

#[test]
fn with_an_error_the_function_is_emitted_as_it_was() {
    expands(
        "10",
        "fn solve() -> Result<(), TimedOut> { Ok(()) }",
        "fn solve() -> Result<(), TimedOut> { Ok(()) }
        ::core::compile_error! { \"10 of what? `\\\"10s\\\"`, `\\\"10ms\\\"`\" }",
    );
}
