//! Visits the arguments of std's macros, which evaluate them in place. Another macro may move its tokens into a closure.

use proc_macro2::{TokenStream, TokenTree};
use quote::quote;
use syn::parse::{ParseStream, Parser};
use syn::punctuated::Punctuated;
use syn::{Expr, Macro, Result, Token};

/// Compares names only: a macro cannot resolve them.
pub(super) fn is_known(invocation: &Macro) -> bool {
    let known = [
        "assert",
        "assert_eq",
        "assert_ne",
        "dbg",
        "debug_assert",
        "debug_assert_eq",
        "debug_assert_ne",
        "eprint",
        "eprintln",
        "format",
        "matches",
        "panic",
        "print",
        "println",
        "todo",
        "unimplemented",
        "unreachable",
        "vec",
        "write",
        "writeln",
    ];
    name(invocation).is_some_and(|name| known.contains(&name.as_str()))
}

/// Returns whether this macro calls `Display` or `Debug`, which may be recursive.
pub(super) fn formats(invocation: &Macro) -> bool {
    let formatting = ["dbg", "eprint", "eprintln", "format", "print", "println", "write", "writeln"];
    name(invocation).is_some_and(|name| formatting.contains(&name.as_str()))
}

fn name(invocation: &Macro) -> Option<String> {
    invocation.path.segments.last().map(|last| last.ident.to_string())
}

/// Calls `visit` with each argument, and returns the changed tokens; `None` for an unknown macro or syntax.
pub(super) fn with_arguments(invocation: &Macro, mut visit: impl FnMut(&mut Expr)) -> Option<TokenStream> {
    if !is_known(invocation) {
        return None;
    }
    let matches = name(invocation)? == "matches";
    let parse = |input: ParseStream| -> Result<TokenStream> {
        if matches {
            let mut value: Expr = input.parse()?;
            let rest: TokenStream = input.parse()?;
            visit(&mut value);
            return Ok(quote!(#value #rest));
        }
        let mut arguments = Punctuated::<Expr, Token![,]>::new();
        while !input.is_empty() {
            arguments.push_value(input.parse()?);
            if input.peek(Token![;]) && arguments.len() == 1 {
                // `vec![value; length]`
                let semicolon: Token![;] = input.parse()?;
                let mut length: Expr = input.parse()?;
                let value = &mut arguments[0];
                visit(value);
                visit(&mut length);
                return Ok(quote!(#value #semicolon #length));
            }
            if input.is_empty() {
                break;
            }
            arguments.push_punct(input.parse()?);
        }
        arguments.iter_mut().for_each(&mut visit);
        Ok(quote!(#arguments))
    };
    parse.parse2(invocation.tokens.clone()).ok()
}

/// Returns whether this macro may contain a `break` or `continue` of the enclosing loop.
pub(super) fn may_jump(invocation: &Macro) -> bool {
    fn jumps(tokens: TokenStream) -> bool {
        tokens.into_iter().any(|token| match token {
            TokenTree::Ident(ident) => ident == "break" || ident == "continue",
            TokenTree::Group(group) => jumps(group.stream()),
            _ => false,
        })
    }
    !is_known(invocation) || jumps(invocation.tokens.clone())
}
