use proc_macro2::TokenStream;

use crate::expansion::{ALLOW, assert_expands};
use crate::library::Library;

fn expand(options: TokenStream, item: TokenStream) -> TokenStream {
    super::expand(Library::Sigalarm, options, item)
}

#[track_caller]
fn expands(options: &str, item: &str, expected: &str) {
    assert_expands(expand, options, item, expected);
}

#[track_caller]
fn assert_only_entry_is_checked(body: &str) {
    expands(
        "",
        &format!("fn f() -> Result<(), TimedOut> {{ g(); {body} }}"),
        &format!("fn f() -> Result<(), TimedOut> {{ ::sigalarm::checkpoint()?; g(); {body} }}"),
    );
}

#[test]
fn entry_and_each_loop_have_checks() {
    expands(
        "",
        "fn f(xs: &[u64]) -> Result<u64, TimedOut> {
            let mut sum = 0;
            for x in xs {
                while sum > 9 {
                    sum /= 2;
                }
                sum += x;
            }
            while let Some(n) = next(sum) {
                sum = n;
            }
            'outer: loop {
                break 'outer;
            }
            Ok(sum)
        }",
        "fn f(xs: &[u64]) -> Result<u64, TimedOut> {
            ::sigalarm::checkpoint()?;
            let mut sum = 0;
            for x in xs {
                ::sigalarm::checkpoint()?;
                while sum > 9 {
                    ::sigalarm::checkpoint()?;
                    sum /= 2;
                }
                sum += x;
            }
            while let Some(n) = next(sum) {
                ::sigalarm::checkpoint()?;
                sum = n;
            }
            'outer: loop {
                ::sigalarm::checkpoint()?;
                break 'outer;
            }
            Ok(sum)
        }",
    );
}

#[test]
fn loops_are_found_in_each_place_of_an_expression() {
    let places = [
        "{ { loop {} } }",
        "unsafe { loop {} }",
        "if x { loop {} } else if { loop {} } { 1 } else { loop {} }",
        "if let Some(y) = { loop {} } { loop {} }",
        "match { loop {} } { 1 if { loop {} } => loop {}, _ => { loop {} } }",
        "let Some(y) = (loop {}) else { loop {} };",
        "let y = loop {};",
        "return loop {};",
        "f(loop {}).g(loop {})[loop {}].h += loop {};",
        "let y = [loop {}, 1];",
        "let y = [loop {}; 4];",
        "let y = (loop {}, S { a: loop {}, ..loop {} });",
        "let y = &*loop {} as u32..=loop {};",
        "'a: { loop {} break 'a; }",
        "let y = loop {}?;",
        "while { loop {} } {}",
        "for y in { loop {} } {}",
        "let y = vec![1, loop {}];",
        "let y = std::vec![loop {}; { loop {} }];",
        "assert_eq!(1, { loop {} }, \"{}\", x = { loop {} });",
        "if matches!({ loop {} }, Some(1) | None if x) {}",
        "write!(out, \"{}\", loop {})?;",
    ];
    for place in places {
        let expected = place
            .replace("loop {}", "loop { ::sigalarm::checkpoint()?; }")
            .replace(
                "while { loop { ::sigalarm::checkpoint()?; } } {}",
                "while { loop { ::sigalarm::checkpoint()?; } } { ::sigalarm::checkpoint()?; }",
            )
            .replace(
                "for y in { loop { ::sigalarm::checkpoint()?; } } {}",
                "for y in { loop { ::sigalarm::checkpoint()?; } } { ::sigalarm::checkpoint()?; }",
            );
        expands(
            "",
            &format!("fn f() -> Result<(), TimedOut> {{ {place} }}"),
            &format!("fn f() -> Result<(), TimedOut> {{ ::sigalarm::checkpoint()?; {expected} }}"),
        );
    }
}

#[test]
fn closures_async_blocks_and_items_have_no_checks() {
    assert_only_entry_is_checked("let f = || loop {};");
    assert_only_entry_is_checked("let f = move |x| { for y in x {} };");
    assert_only_entry_is_checked("let f = async { loop {} };");
    assert_only_entry_is_checked("fn inner() { loop {} }");
    assert_only_entry_is_checked("#[cooperative] fn inner() -> Result<(), TimedOut> { loop {} }");
    assert_only_entry_is_checked("impl S { fn inner() { loop {} } }");
    assert_only_entry_is_checked("const N: usize = { loop {} };");
    assert_only_entry_is_checked("const { loop {} }");
    assert_only_entry_is_checked("let x = [0; { loop {} }];");
    assert_only_entry_is_checked("let x: [u8; { loop {} }] = f::<{ loop {} }>();");
    assert_only_entry_is_checked("foreign!(loop {});");
    assert_only_entry_is_checked("vec!(loop {} loop {});");
    assert_only_entry_is_checked("macro_rules! m { () => { loop {} } }");
}

#[test]
fn closures_and_async_blocks_with_the_attribute_have_checks() {
    expands(
        "",
        "fn f() -> Result<(), TimedOut> {
            let f = #[cooperative] |x: u64| -> Result<u64, TimedOut> {
                loop {}
            };
            let g = #[sigalarm::cooperative(alarm = other)] |x| long(x);
            let h = #[cooperative] async move { while x {} };
            let i = || { loop {} let j = #[cooperative] || { loop {} }; };
        }",
        "fn f() -> Result<(), TimedOut> {
            ::sigalarm::checkpoint()?;
            let f = |x: u64| -> Result<u64, TimedOut> {
                ::sigalarm::checkpoint()?;
                loop { ::sigalarm::checkpoint()?; }
            };
            let g = |x| { other.check()?; long(x) };
            let h = async move {
                ::sigalarm::checkpoint()?;
                while x { ::sigalarm::checkpoint()?; }
            };
            let i = || {
                loop {}
                let j = || {
                    ::sigalarm::checkpoint()?;
                    loop { ::sigalarm::checkpoint()?; }
                };
            };
        }",
    );
}

#[test]
fn skip_omits_the_check_of_one_loop() {
    expands(
        "",
        "fn f() -> Result<(), TimedOut> {
            #[cooperative(skip)]
            #[allow(unused)]
            for x in 0..3 { loop {} }
            let x = #[cooperative(skip)] 'a: loop { break 'a 1; };
            let x = vec![#[cooperative(skip)] loop { break 1; }];
            Ok(())
        }",
        "fn f() -> Result<(), TimedOut> {
            ::sigalarm::checkpoint()?;
            #[allow(unused)]
            for x in 0..3 { loop { ::sigalarm::checkpoint()?; } }
            let x = 'a: loop { break 'a 1; };
            let x = vec![loop { break 1; }];
            Ok(())
        }",
    );
}

#[test]
fn each_option_has_its_check() {
    let body = |check| format!("fn f(&self) -> Result<(), TimedOut> {{ {check} loop {{ {check} }} }}");
    let item = "fn f(&self) -> Result<(), TimedOut> { loop {} }";
    expands("alarm = alarm", item, &body("alarm.check()?;"));
    expands("alarm = self.alarm", item, &body("self.alarm.check()?;"));
    expands("alarm = self.limits.alarm(1)", item, &body("self.limits.alarm(1).check()?;"));
    expands("alarm = *alarm, unwind", item, &body("(*alarm).unwind_if_expired();"));
    expands("unwind", item, &body("::sigalarm::unwind_if_expired();"));
    expands("crate = crate::vendored::alarm,", item, &body("crate::vendored::alarm::checkpoint()?;"));
    expands("crate = ::other, unwind", item, &body("::other::unwind_if_expired();"));
}

#[test]
fn for_loop_with_a_stride_runs_in_batches() {
    expands(
        "every = 1_024",
        "fn f(xs: &[u64]) -> Result<u64, TimedOut> {
            let mut sum = 0;
            #[allow(clippy::all)]
            for (i, x) in xs.iter().enumerate() {
                sum += x;
            }
            Ok(sum)
        }",
        "fn f(xs: &[u64]) -> Result<u64, TimedOut> {
            ::sigalarm::checkpoint()?;
            let mut sum = 0;
            {
                #[allow(clippy::all)]
                match xs.iter().enumerate() { over => match ::core::iter::Iterator::fuse(::core::iter::IntoIterator::into_iter(over)) {
                    mut items => while let ::core::option::Option::Some(mut item) = ::core::iter::Iterator::next(&mut items) {
                        ::sigalarm::checkpoint()?;
                        let mut left = 1024u32;
                        loop {
                            { match { item } { (i, x) => { sum += x; } } }
                            #[allow(unreachable_code)]
                            {
                                left -= 1;
                                if left == 0 { break; }
                                item = match ::core::iter::Iterator::next(&mut items) {
                                    ::core::option::Option::Some(item) => item,
                                    ::core::option::Option::None => break,
                                };
                            }
                        }
                    }
                },};
            }
            Ok(sum)
        }",
    );
}

#[test]
fn continue_becomes_a_break_of_the_label() {
    let turn = |label: &str, pat: &str, over: &str, body: &str| {
        format!(
            "{{
                match {over} {{ over => match ::core::iter::Iterator::fuse(::core::iter::IntoIterator::into_iter(over)) {{
                    mut items => while let ::core::option::Option::Some(mut item) = ::core::iter::Iterator::next(&mut items) {{
                        ::sigalarm::checkpoint()?;
                        let mut left = 4u32;
                        loop {{
                            {label} {{ match {{ item }} {{ {pat} => {{ {body} }} }} }}
                            #[allow(unreachable_code)]
                            {{
                                left -= 1;
                                if left == 0 {{ break; }}
                                item = match ::core::iter::Iterator::next(&mut items) {{
                                    ::core::option::Option::Some(item) => item,
                                    ::core::option::Option::None => break,
                                }};
                            }}
                        }}
                    }}
                }},}};
            }}"
        )
    };
    let inner = turn(
        "'turn1:",
        "x",
        "if y { break 'turn0 } else { row }",
        "if x == 0 { break 'turn1; } if x == 1 { break 'turn0; } loop2(|| loop { continue })",
    );
    expands(
        "every = 4",
        "fn f() -> Result<(), TimedOut> {
            'rows: for row in rows {
                for x in if y { continue } else { row } {
                    if x == 0 { continue; }
                    if x == 1 { continue 'rows; }
                    loop2(|| loop { continue })
                }
            }
            Ok(())
        }",
        &format!(
            "fn f() -> Result<(), TimedOut> {{ ::sigalarm::checkpoint()?; {} Ok(()) }}",
            turn("'turn0:", "row", "rows", &inner)
        ),
    );
}

#[test]
fn other_loops_with_a_stride_are_counted() {
    let counted = |head: &str, body: &str| {
        format!(
            "{{
                let mut left = 0u32;
                {head} {{
                    if left == 0 {{
                        ::sigalarm::checkpoint()?;
                        left = 4u32;
                    }}
                    left -= 1;
                    {body}
                }}
            }}"
        )
    };
    let cases = [
        ("loop", "break 1;"),
        ("'a: while x", "continue 'a;"),
        ("while let Some(x) = next()", "continue;"),
        // A `break`, and macros that may contain one.
        ("for x in xs", "if x { break; }"),
        ("'a: for x in xs", "'b: { break 'a; }"),
        ("for x in xs", "log::debug!(\"{x}\");"),
        ("for x in xs", "assert!(if x { break } else { true });"),
        // An inner label of the same name.
        ("'a: for x in xs", "'a: { break 'a; }"),
    ];
    for (head, body) in cases {
        expands(
            "every = 4",
            &format!("fn f() -> Result<(), TimedOut> {{ {head} {{ {body} }} }}"),
            &format!(
                "fn f() -> Result<(), TimedOut> {{ ::sigalarm::checkpoint()?; {} }}",
                counted(head, body)
            ),
        );
    }
}

#[test]
fn loop_can_have_its_own_stride() {
    expands(
        "every = 4",
        "fn f() -> Result<(), TimedOut> {
            #[cooperative(every = 1)]
            loop {}
        }",
        "fn f() -> Result<(), TimedOut> {
            ::sigalarm::checkpoint()?;
            loop { ::sigalarm::checkpoint()?; }
        }",
    );
    expands(
        "",
        "fn f() -> Result<(), TimedOut> {
            #[cooperative(every = 2)]
            loop {}
        }",
        "fn f() -> Result<(), TimedOut> {
            ::sigalarm::checkpoint()?;
            {
                let mut left = 0u32;
                loop {
                    if left == 0 {
                        ::sigalarm::checkpoint()?;
                        left = 2u32;
                    }
                    left -= 1;
                }
            }
        }",
    );
}

#[test]
fn functions_of_a_block_have_checks_if_they_return_a_result() {
    expands(
        "",
        "mod m {
            use super::*;
            struct S;
            fn yes() -> Result<(), TimedOut> { g() }
            fn io() -> io::Result<u8> { g() }
            fn alias() -> Solved<u8> { g() }
            fn nothing() { g() }
            fn option() -> Option<u8> { g() }
            fn foreign() -> Result<u8, ParseIntError> { g() }
            const fn constant() -> Result<(), TimedOut> { g() }
            #[cooperative(skip)]
            fn skipped() -> Result<(), TimedOut> { g() }
            #[cooperative(every = 8)]
            fn own() -> Solved<u8> { g() }
            impl Display for S {
                fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {}
            }
            trait T {
                fn required() -> Result<(), TimedOut>;
                fn provided() -> Result<(), TimedOut> { g() }
            }
            mod deeper {
                impl S { pub(crate) fn deep(self) -> Result<(), Box<dyn Error>> { g() } }
            }
            #[cooperative(skip)]
            mod bare { fn no() -> Result<(), TimedOut> { g() } }
        }",
        "mod m {
            use super::*;
            struct S;
            fn yes() -> Result<(), TimedOut> { ::sigalarm::checkpoint()?; g() }
            fn io() -> io::Result<u8> { ::sigalarm::checkpoint()?; g() }
            fn alias() -> Solved<u8> { g() }
            fn nothing() { g() }
            fn option() -> Option<u8> { g() }
            fn foreign() -> Result<u8, ParseIntError> { g() }
            const fn constant() -> Result<(), TimedOut> { g() }
            fn skipped() -> Result<(), TimedOut> { g() }
            #[cooperative(every = 8)]
            fn own() -> Solved<u8> { g() }
            impl Display for S {
                fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {}
            }
            trait T {
                fn required() -> Result<(), TimedOut>;
                fn provided() -> Result<(), TimedOut> { ::sigalarm::checkpoint()?; g() }
            }
            mod deeper {
                impl S { pub(crate) fn deep(self) -> Result<(), Box<dyn Error>> { ::sigalarm::checkpoint()?; g() } }
            }
            mod bare { fn no() -> Result<(), TimedOut> { g() } }
        }",
    );
    expands(
        "alarm = self.alarm",
        "impl S {
            fn new() -> Result<S, TimedOut> { g() }
            fn run(&self) -> Result<(), TimedOut> { g() }
        }",
        "impl S {
            fn new() -> Result<S, TimedOut> { g() }
            fn run(&self) -> Result<(), TimedOut> { self.alarm.check()?; g() }
        }",
    );
    expands(
        "unwind",
        "mod m {
            fn compare(a: &A, b: &A) -> Ordering { g() }
            extern \"C\" fn callback() {}
            impl Drop for S { fn drop(&mut self) {} }
        }",
        "mod m {
            fn compare(a: &A, b: &A) -> Ordering { ::sigalarm::unwind_if_expired(); g() }
            extern \"C\" fn callback() {}
            impl Drop for S { fn drop(&mut self) {} }
        }",
    );
}

#[test]
fn the_signature_is_unchanged() {
    expands(
        "",
        "/// Sums.
        #[must_use = \"work\"]
        #[inline]
        pub(crate) unsafe fn f<'a, T: Copy + 'a, const N: usize>(self: Box<Self>, xs: [T; N]) -> Result<impl Iterator<Item = &'a T> + use<'a, T, N>, E>
        where
            E: From<TimedOut>,
        {
            #![allow(unused)]
            Ok(xs)
        }",
        "/// Sums.
        #[must_use = \"work\"]
        #[inline]
        pub(crate) unsafe fn f<'a, T: Copy + 'a, const N: usize>(self: Box<Self>, xs: [T; N]) -> Result<impl Iterator<Item = &'a T> + use<'a, T, N>, E>
        where
            E: From<TimedOut>,
        {
            #![allow(unused)]
            ::sigalarm::checkpoint()?;
            Ok(xs)
        }",
    );
}

#[test]
fn with_an_error_the_item_loses_both_attributes() {
    expands(
        "evry = 4",
        "#[time_limit(\"1s\")] fn f() -> Result<(), TimedOut> {
            #[cooperative(skip)]
            loop {}
            let f = #[cooperative] || loop {};
        }",
        "fn f() -> Result<(), TimedOut> {
            loop {}
            let f = || loop {};
        }
        ::core::compile_error! { \"unknown option `evry`; there are `alarm`, `every`, `unwind`, `crate` and `skip`\" }",
    );
}

#[test]
fn function_of_a_block_without_loop_and_call_has_no_check() {
    let bodies = [
        ("Ok(self.len)", false),
        ("Ok(Self::Leaf(self.at + 1))", false),
        ("if self.len == 0 { return Err(Failure::Empty) } Ok(&self.all[0])", false),
        ("assert!(self.len > 0); Ok(vec![self.len])", false),
        ("fn inner() { g() } const N: u8 = g(); Ok(N)", false),
        ("write!(f, \"{}\", self.next)", true),
        ("Ok(self.len())", true),
        ("Ok(g())", true),
        ("assert!(g()); Ok(1)", true),
        ("foreign!(); Ok(1)", true),
        ("Ok(self.next.await)", true),
        ("Ok(|| g())", true),
        ("#[cooperative(skip)] loop {}", true),
    ];
    for (body, checked) in bodies {
        let check = if checked { "::sigalarm::checkpoint()?;" } else { "" };
        let function = |body: &str| format!("fn f(&self) -> Result<T, TimedOut> {{ {body} }}");
        let block = |function: &str| format!("impl S {{ {function} }}");
        let bare = body.replace("#[cooperative(skip)] ", "");
        if body.starts_with("fn inner") {
            expands(
                "",
                &function(body),
                &function(&body.replace("Ok(N)", "::sigalarm::checkpoint()?; Ok(N)")),
            );
        } else {
            expands("", &function(body), &function(&format!("::sigalarm::checkpoint()?; {bare}")));
        }
        expands("", &block(&function(body)), &block(&function(&format!("{check} {bare}"))));
    }
}

#[test]
fn check_follows_leading_items() {
    expands(
        "",
        "fn f() -> Result<(), TimedOut> {
            use a::b;
            macro_rules! m { () => {} }
            for x in xs { const N: u8 = 1; fn g() {} b(N); use c; }
            (#[cooperative] || { use d; d() })()
        }",
        "fn f() -> Result<(), TimedOut> {
            use a::b;
            macro_rules! m { () => {} }
            ::sigalarm::checkpoint()?;
            for x in xs { const N: u8 = 1; fn g() {} ::sigalarm::checkpoint()?; b(N); use c; }
            (|| { use d; ::sigalarm::checkpoint()?; d() })()
        }",
    );
    expands(
        "every = 2",
        "fn f() -> Result<(), TimedOut> { loop { use a; a() } }",
        "fn f() -> Result<(), TimedOut> {
            ::sigalarm::checkpoint()?;
            {
                let mut left = 0u32;
                loop {
                    use a;
                    if left == 0 { ::sigalarm::checkpoint()?; left = 2u32; }
                    left -= 1;
                    a()
                }
            }
        }",
    );
}

#[test]
fn each_inserted_question_mark_is_allowed() {
    for options in ["", "alarm = a", "every = 4", "every = 4, alarm = a"] {
        let item = "fn f() -> Result<(), TimedOut> { for x in xs {} loop {} (#[cooperative] || g())() }";
        let expanded = expand(options.parse().unwrap(), item.parse().unwrap()).to_string();
        assert_eq!(expanded.matches(ALLOW).count(), 4, "{expanded}");
        let checks = [format!("{ALLOW} :: sigalarm :: checkpoint () ?"), format!("{ALLOW} a . check () ?")];
        let allowed: usize = checks.iter().map(|check| expanded.matches(check).count()).sum();
        assert_eq!(allowed, 4, "{expanded}");
    }
}

#[test]
fn label_stays_if_no_jump_names_it() {
    let expansion = |body: &str| {
        let item = format!("fn f() -> Result<(), TimedOut> {{ 'rows: for x in xs {{ {body} }} }}");
        expand("every = 4".parse().unwrap(), item.parse().unwrap()).to_string()
    };
    assert!(expansion("g(x); continue;").contains("'rows : while let"));
    assert!(!expansion("for y in x { continue 'rows; }").contains("'rows"));
}

#[track_caller]
fn expands_in_core(options: &str, item: &str, expected: &str) {
    let expand = |options, item| super::expand(Library::Core, options, item);
    assert_expands(expand, options, item, expected);
}

#[test]
fn in_core_the_path_is_that_of_core() {
    let body = |check| format!("fn f() -> Result<(), TimedOut> {{ {check} loop {{ {check} }} }}");
    let item = "fn f() -> Result<(), TimedOut> { loop {} }";
    expands_in_core("", item, &body("::sigalarm_core::checkpoint()?;"));
    expands_in_core("crate = sigalarm_core", item, &body("sigalarm_core::checkpoint()?;"));
    expands_in_core("crate = facade::checks", item, &body("facade::checks::checkpoint()?;"));
    expands_in_core("alarm = a, unwind", item, &body("a.unwind_if_expired();"));
    expands("crate = sigalarm_core", item, &body("sigalarm_core::checkpoint()?;"));
}

#[test]
fn core_cannot_unwind() {
    const ERROR: &str = "::core::compile_error! { \"`sigalarm-core` cannot unwind: return a `Result` and omit `unwind`, \
        or depend on `sigalarm`\" }";
    let item = "fn f() { loop { loop {} } }";
    let refused = format!("{item} {ERROR}");
    expands_in_core("unwind", item, &refused);
    expands_in_core("unwind, crate = facade::checks", item, &refused);
    expands("unwind, crate = ::sigalarm_core", item, &refused);
    let closure =
        |attribute| format!("fn f() -> Result<(), TimedOut> {{ g({attribute} || loop {{}}); Ok(()) }}");
    let refused = format!("{} {ERROR}", closure(""));
    expands_in_core("", &closure("#[cooperative(unwind)]"), &refused);
}
