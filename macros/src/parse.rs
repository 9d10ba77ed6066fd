//! Parses the annotated item, and reports a failure.

use proc_macro2::{Delimiter, Group, Punct, Spacing, TokenStream, TokenTree};
use quote::{quote, quote_spanned};
use syn::{Error, Item};

/// Parses the item below `#[name]`. On failure returns the item with an error inside.
pub(crate) fn item(tokens: &TokenStream, name: &str) -> Result<Item, TokenStream> {
    syn::parse2(tokens.clone())
        .or_else(|e| syn::parse2(with_semicolons(tokens.clone())).map_err(|_| e))
        .map_err(|e| unparsed(tokens, name, &e))
}

/// Adds a semicolon to each block statement that a `macro_rules!` interpolates (`$body`): syn, unlike the compiler, needs one.
fn with_semicolons(tokens: TokenStream) -> TokenStream {
    let mut out: Vec<TokenTree> = Vec::new();
    let mut tokens = tokens.into_iter().peekable();
    while let Some(token) = tokens.next() {
        let TokenTree::Group(group) = token else {
            out.push(token);
            continue;
        };
        let begins = out.last().is_none_or(ends_statement);
        let ends = tokens.peek().is_some_and(begins_statement);
        let statement =
            group.delimiter() == Delimiter::None && is_block_like(group.stream()) && begins && ends;
        let mut inside = Group::new(group.delimiter(), with_semicolons(group.stream()));
        inside.set_span(group.span());
        out.push(inside.into());
        if statement {
            out.push(Punct::new(';', Spacing::Alone).into());
        }
    }
    out.into_iter().collect()
}

fn begins_statement(token: &TokenTree) -> bool {
    match token {
        TokenTree::Punct(punct) => "#*&-!'|<:".contains(punct.as_char()),
        _ => true,
    }
}

fn ends_statement(token: &TokenTree) -> bool {
    match token {
        TokenTree::Punct(punct) => punct.as_char() == ';',
        TokenTree::Group(group) => group.delimiter() == Delimiter::Brace,
        _ => false,
    }
}

/// Returns whether this is a block, or ends with one.
fn is_block_like(tokens: TokenStream) -> bool {
    const KEYWORDS: [&str; 6] = ["if", "match", "loop", "while", "for", "unsafe"];
    let mut tokens = tokens.into_iter();
    let Some(first) = tokens.next() else { return false };
    let last = tokens.last();
    let is_block = |token: &TokenTree| match token {
        TokenTree::Group(group) if group.delimiter() == Delimiter::None => is_block_like(group.stream()),
        TokenTree::Group(group) => group.delimiter() == Delimiter::Brace,
        _ => false,
    };
    match (&first, &last) {
        (block, None) => is_block(block),
        (TokenTree::Ident(word), Some(last)) => {
            KEYWORDS.iter().any(|keyword| word == keyword) && is_block(last)
        }
        _ => false,
    }
}

/// Returns the item with a lint error. The compiler has already reported a syntax error; then the late lint `unused_must_use` does not
/// run, and the user sees one message.
fn unparsed(tokens: &TokenStream, name: &str, error: &Error) -> TokenStream {
    let message = format!(
        "`#[{name}]` cannot parse this item and left it unchanged: {error}; it reads the syntax of edition \
         2021 and later, without unstable features"
    );
    let report = quote_spanned!(error.span()=> {
        #[must_use = #message]
        struct Unparsed();
        #[deny(unused_must_use)]
        { Unparsed(); }
    });
    let mut tokens: Vec<TokenTree> = tokens.clone().into_iter().collect();
    let keyword = tokens.iter().find_map(|token| match token {
        TokenTree::Ident(word) if ["fn", "impl", "mod", "trait"].iter().any(|keyword| word == keyword) => {
            Some(word)
        }
        _ => None,
    });
    if keyword.is_some_and(|keyword| keyword == "fn") {
        // An `impl` block cannot contain a `const _`.
        if let Some(TokenTree::Group(body)) = tokens.last_mut() {
            let statements = body.stream();
            let mut with_report = Group::new(body.delimiter(), quote!(#report #statements));
            with_report.set_span(body.span());
            *body = with_report;
            return tokens.into_iter().collect();
        }
    }
    quote!(#(#tokens)* const _: () = #report;)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn interpolated(tokens: TokenStream) -> TokenTree {
        Group::new(Delimiter::None, tokens).into()
    }

    #[test]
    fn interpolated_block_needs_no_semicolon() {
        for block in [
            quote!({
                f();
            }),
            quote!(if x { f() } else { g() }),
            quote!(match x {
                _ => f(),
            }),
            quote!(unsafe { f() }),
            quote!(loop {}),
        ] {
            let block = interpolated(block);
            let nested = interpolated(block.clone().into());
            assert!(
                item(&quote!(fn f() { #block let x = 1; #block #nested #[a] x; { 1; } #block x; #block *x = 1; #block -1; #block [1]; #block 'a: loop {} #block ::x(); #block }), "a")
                    .is_ok()
            );
        }
    }

    #[test]
    fn other_interpolated_tokens_get_no_semicolon() {
        let (block, ty) = (interpolated(quote!({ 1 })), interpolated(quote!(u8)));
        let fine = quote!(fn f() { let x: #ty = #block; S { a: #block, b: 1 }; #block + 1; g(#block, 2); #block.x(); #block?; #block });
        assert_eq!(with_semicolons(fine.clone()).to_string(), fine.to_string());
    }

    #[test]
    fn unparsed_item_keeps_its_tokens_and_contains_the_report() {
        let method = item(&quote!(fn f(&self) -> u8 { 1 + }), "cooperative").err().unwrap().to_string();
        assert!(method.starts_with("fn f (& self) -> u8 { {"), "{method}");
        assert!(method.ends_with("1 + }"), "{method}");
        assert!(method.contains("`#[cooperative]` cannot parse this item"), "{method}");
        let block = item(&quote!(impl S { fn f() { 1 + } }), "cooperative").err().unwrap().to_string();
        assert!(block.starts_with("impl S { fn f () { 1 + } } const _"), "{block}");
        assert!(block.contains("edition 2021"), "{block}");
    }
}
