use proc_macro2::TokenStream;

use crate::expansion::assert_expands;
use crate::library::Library;

fn expand(options: TokenStream, item: TokenStream) -> TokenStream {
    super::expand(Library::Sigalarm, options, item)
}

#[track_caller]
fn expands(options: &str, item: &str, expected: &str) {
    assert_expands(expand, options, item, expected);
}

#[test]
fn guard_is_at_the_top_of_the_body() {
    expands(
        "\"1h 30min 1.5s\"",
        "#[must_use] pub fn r#try(&mut self) -> Result<(), TimedOut> { self.go()?; return Ok(()); }",
        "#[must_use] pub fn r#try(&mut self) -> Result<(), TimedOut> {
            let _alarm = {
                if false { ::sigalarm::checkpoint()?; }
                let limit: ::core::time::Duration = ::core::time::Duration::new(5401u64, 500000000u32);
                {
                    #[inline(never)]
                    fn arm(limit: ::core::time::Duration) -> ::sigalarm::Alarm {
                        match ::sigalarm::Alarm::builder().after(limit).label(\"try\").arm() {
                            ::core::result::Result::Ok(alarm) => alarm,
                            ::core::result::Result::Err(e) => {
                                ::core::panic!(\"`try` cannot be put under its time limit: {}\", e)
                            }
                        }
                    }
                    arm(limit)
                }
            };
            self.go()?;
            return Ok(());
        }",
    );
}

#[test]
fn limit_is_an_expression_and_try_arm_returns_the_error() {
    expands(
        "self.budget / 2, try_arm, label = \"search\", crate = crate::alarm",
        "fn solve(&self) -> anyhow::Result<()> { Ok(()) }",
        "fn solve(&self) -> anyhow::Result<()> {
            let _alarm = {
                if false { crate::alarm::checkpoint()?; }
                let limit: ::core::time::Duration = self.budget / 2;
                {
                    #[inline(never)]
                    fn arm(limit: ::core::time::Duration) -> ::core::result::Result<crate::alarm::Alarm, crate::alarm::ArmError> {
                        crate::alarm::Alarm::builder().after(limit).label(\"search\").arm()
                    }
                    arm(limit)
                }
            }?;
            Ok(())
        }",
    );
}

#[test]
fn cooperative_expands_first() {
    expands(
        "\"10s\", label = \"x\"",
        "#[inline] #[cooperative(every = 4)] fn solve() -> Result<(), TimedOut> { Ok(()) }",
        "#[inline] #[cooperative(every = 4)] #[::sigalarm::time_limit(\"10s\", label = \"x\")] fn solve() -> Result<(), TimedOut> { Ok(()) }",
    );
}

#[test]
fn with_an_error_the_function_is_unchanged() {
    expands(
        "10",
        "fn solve() -> Result<(), TimedOut> { Ok(()) }",
        "fn solve() -> Result<(), TimedOut> { Ok(()) }
        ::core::compile_error! { \"the unit is missing: `\\\"10s\\\"`, `\\\"10ms\\\"`\" }",
    );
}

#[test]
fn guard_follows_leading_items() {
    let expanded = expand(
        "\"1s\"".parse().unwrap(),
        "fn f() -> Result<(), TimedOut> { use a::b; const C: u8 = 1; b(C) }".parse().unwrap(),
    );
    let expanded = expanded.to_string();
    let at = |text: &str| expanded.find(text).unwrap_or_else(|| panic!("no {text} in {expanded}"));
    assert!(at("const C") < at("let _alarm") && at("let _alarm") < at("b (C)"), "{expanded}");
}

#[test]
fn core_arms_no_alarm() {
    let item = "fn f() -> Result<(), TimedOut> { loop {} }";
    let refused = format!(
        "{item} ::core::compile_error! {{ \"`sigalarm-core` arms no alarm: leave the limit to the caller, or depend on \
         `sigalarm`\" }}"
    );
    assert_expands(|options, item| super::expand(Library::Core, options, item), "\"1s\"", item, &refused);
    expands("\"1s\", crate = sigalarm_core", item, &refused);
}
