//! Inserts checks into the arguments of std's macros. Another macro may move its arguments into a closure, so they get none.

use proc_macro2::{Ident, TokenStream};
use quote::{ToTokens, quote};
use syn::parse::{ParseStream, Parser};
use syn::{Expr, Macro, Result, Token};

use crate::syntax::{is_one_of, mentions};

/// Macros that call the program's `Display` or `Debug`. These may recurse, so the macros count as calls.
const FORMATTING: &str = "dbg eprint eprintln format print println write writeln";

const OTHERS: &str = "assert assert_eq assert_ne debug_assert debug_assert_eq debug_assert_ne matches panic todo \
                      unimplemented unreachable vec";

fn name(invocation: &Macro) -> Option<&Ident> {
    invocation.path.segments.last().map(|last| &last.ident)
}

pub(super) fn formats(invocation: &Macro) -> bool {
    name(invocation).is_some_and(|name| is_one_of(name, FORMATTING))
}

fn is_known(invocation: &Macro) -> bool {
    formats(invocation) || name(invocation).is_some_and(|name| is_one_of(name, OTHERS))
}

pub(super) fn with_arguments(invocation: &Macro, visit: impl FnMut(&mut Expr)) -> Option<TokenStream> {
    if !is_known(invocation) {
        return None;
    }
    let is_matches = name(invocation)? == "matches";
    let parse = |input: ParseStream| -> Result<(Vec<Expr>, Vec<TokenStream>)> {
        let (mut arguments, mut separators) = (Vec::new(), Vec::new());
        while !input.is_empty() {
            arguments.push(input.parse()?);
            separators.push(if is_matches || input.is_empty() {
                input.parse()? // The pattern of `matches`.
            } else if input.peek(Token![;]) {
                input.parse::<Token![;]>()?.into_token_stream() // `vec![value; length]`
            } else {
                input.parse::<Token![,]>()?.into_token_stream()
            });
        }
        Ok((arguments, separators))
    };
    let (mut arguments, separators) = parse.parse2(invocation.tokens.clone()).ok()?;
    arguments.iter_mut().for_each(visit);
    Some(quote!(#(#arguments #separators)*))
}

pub(super) fn may_jump(invocation: &Macro) -> bool {
    !is_known(invocation) || mentions(invocation.tokens.clone(), |word| is_one_of(word, "break continue"))
}
