use super::expand;
use crate::expansion::assert_expands;

#[track_caller]
fn expands(options: &str, item: &str, expected: &str) {
    assert_expands(expand, options, item, expected);
}

/// What has to be the same with and without the attribute.
#[track_caller]
fn unchanged_but_for_the_entry(body: &str) {
    expands(
        "",
        &format!("fn f() -> Result<(), TimedOut> {{ {body} }}"),
        &format!("fn f() -> Result<(), TimedOut> {{ ::sigalarm::checkpoint()?; {body} }}"),
    );
}

#[test]
fn checks_stand_at_the_entry_and_at_every_loop() {
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
fn loops_are_found_wherever_an_expression_can_stand() {
    // Each `loop {}` on the left is to have a check.
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
fn what_does_not_return_from_the_function_is_left_alone() {
    unchanged_but_for_the_entry("let f = || loop {};");
    unchanged_but_for_the_entry("let f = move |x| { for y in x {} };");
    unchanged_but_for_the_entry("let f = async { loop {} };");
    unchanged_but_for_the_entry("fn inner() { loop {} }");
    unchanged_but_for_the_entry("#[cooperative] fn inner() -> Result<(), TimedOut> { loop {} }");
    unchanged_but_for_the_entry("impl S { fn inner() { loop {} } }");
    unchanged_but_for_the_entry("const N: usize = { loop {} };");
    unchanged_but_for_the_entry("const { loop {} }");
    unchanged_but_for_the_entry("let x = [0; { loop {} }];");
    unchanged_but_for_the_entry("let x: [u8; { loop {} }] = f::<{ loop {} }>();");
    unchanged_but_for_the_entry("foreign!(loop {});");
    unchanged_but_for_the_entry("vec!(loop {} loop {});");
    unchanged_but_for_the_entry("macro_rules! m { () => { loop {} } }");
}

#[test]
fn an_attribute_inside_makes_closures_and_async_blocks_cooperative() {
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
fn skip_leaves_one_loop_bare() {
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
fn the_alarm_is_asked_as_if_somebody_had_written_it_there() {
    let body = |check| format!("fn f(&self) -> Result<(), TimedOut> {{ {check} loop {{ {check} }} }}");
    let item = "fn f(&self) -> Result<(), TimedOut> { loop {} }";
    expands("alarm = alarm", item, &body("alarm.check()?;"));
    expands("alarm = self.alarm", item, &body("self.alarm.check()?;"));
    expands("alarm = self.limits.alarm(1)", item, &body("self.limits.alarm(1).check()?;"));
    expands("alarm = *alarm, unwind", item, &body("(*alarm).unwind_if_expired();"));
    expands("unwind", item, &body("::sigalarm::unwind_if_expired();"));
    expands("crate = crate::vendored::alarm,", item, &body("crate::vendored::alarm::checkpoint()?;"));
    expands("crate = ::bell, unwind", item, &body("::bell::unwind_if_expired();"));
}

#[test]
fn a_for_loop_with_a_stride_runs_in_batches() {
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
                match ::core::iter::Iterator::fuse(::core::iter::IntoIterator::into_iter(xs.iter().enumerate())) {
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
                };
            }
            Ok(sum)
        }",
    );
}

#[test]
fn a_continue_ends_the_turn_of_its_own_loop() {
    // What `for` makes of its body, and of those inside it: labels that don't hide each other.
    let turn = |label: &str, pat: &str, over: &str, body: &str| {
        format!(
            "{{
                match ::core::iter::Iterator::fuse(::core::iter::IntoIterator::into_iter({over})) {{
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
                }};
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
fn what_cannot_run_in_batches_is_counted() {
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
        // Left by a jump that can be seen, or that cannot.
        ("for x in xs", "if x { break; }"),
        ("'a: for x in xs", "'b: { break 'a; }"),
        ("for x in xs", "log::debug!(\"{x}\");"),
        ("for x in xs", "assert!(if x { break } else { true });"),
        // Too clever by half.
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
fn each_loop_can_have_its_own_stride() {
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
fn a_block_gets_checks_where_they_fit() {
    expands(
        "",
        "mod m {
            use super::*;
            struct S;
            fn yes() -> Result<(), TimedOut> {}
            fn io() -> io::Result<u8> {}
            fn alias() -> Solved<u8> {}
            fn nothing() {}
            fn option() -> Option<u8> {}
            fn foreign() -> Result<u8, ParseIntError> {}
            const fn constant() -> Result<(), TimedOut> {}
            #[cooperative(skip)]
            fn skipped() -> Result<(), TimedOut> {}
            #[cooperative(every = 8)]
            fn own() -> Solved<u8> {}
            impl Display for S {
                fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {}
            }
            trait T {
                fn required() -> Result<(), TimedOut>;
                fn provided() -> Result<(), TimedOut> {}
            }
            mod deeper {
                impl S { pub(crate) fn deep(self) -> Result<(), Box<dyn Error>> {} }
            }
            #[cooperative(skip)]
            mod bare { fn no() -> Result<(), TimedOut> {} }
        }",
        "mod m {
            use super::*;
            struct S;
            fn yes() -> Result<(), TimedOut> { ::sigalarm::checkpoint()?; }
            fn io() -> io::Result<u8> { ::sigalarm::checkpoint()?; }
            fn alias() -> Solved<u8> {}
            fn nothing() {}
            fn option() -> Option<u8> {}
            fn foreign() -> Result<u8, ParseIntError> {}
            const fn constant() -> Result<(), TimedOut> {}
            fn skipped() -> Result<(), TimedOut> {}
            #[cooperative(every = 8)]
            fn own() -> Solved<u8> {}
            impl Display for S {
                fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {}
            }
            trait T {
                fn required() -> Result<(), TimedOut>;
                fn provided() -> Result<(), TimedOut> { ::sigalarm::checkpoint()?; }
            }
            mod deeper {
                impl S { pub(crate) fn deep(self) -> Result<(), Box<dyn Error>> { ::sigalarm::checkpoint()?; } }
            }
            mod bare { fn no() -> Result<(), TimedOut> {} }
        }",
    );
    expands(
        "alarm = self.alarm",
        "impl S {
            fn new() -> Result<S, TimedOut> {}
            fn run(&self) -> Result<(), TimedOut> {}
        }",
        "impl S {
            fn new() -> Result<S, TimedOut> {}
            fn run(&self) -> Result<(), TimedOut> { self.alarm.check()?; }
        }",
    );
    expands(
        "unwind",
        "mod m {
            fn compare(a: &A, b: &A) -> Ordering {}
            extern \"C\" fn callback() {}
            impl Drop for S { fn drop(&mut self) {} }
        }",
        "mod m {
            fn compare(a: &A, b: &A) -> Ordering { ::sigalarm::unwind_if_expired(); }
            extern \"C\" fn callback() {}
            impl Drop for S { fn drop(&mut self) {} }
        }",
    );
}

#[test]
fn everything_around_the_body_stays() {
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
fn with_an_error_the_item_is_emitted_without_our_attributes() {
    expands(
        "evry = 4",
        "fn f() -> Result<(), TimedOut> {
            #[cooperative(skip)]
            loop {}
            let f = #[cooperative] || loop {};
        }",
        "fn f() -> Result<(), TimedOut> {
            loop {}
            let f = || loop {};
        }
        ::core::compile_error! { \"no such option: `evry`; there are `alarm`, `every`, `unwind`, `crate` and `skip`\" }",
    );
}
