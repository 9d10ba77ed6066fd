use proc_macro2::{Delimiter, Group, Punct, Spacing, TokenStream, TokenTree};
use quote::{quote, quote_spanned};
use syn::{Error, Item};

use crate::syntax::is_one_of;

/// `Err` is the item with a report of the error.
pub(crate) fn item(tokens: &TokenStream, name: &str) -> Result<Item, TokenStream> {
    syn::parse2(tokens.clone())
        .or_else(|e| syn::parse2(with_semicolons(tokens.clone())).map_err(|_| e))
        .map_err(|e| unparsed(tokens, name, &e))
}

/// Adds a semicolon after each block that a `macro_rules!` inserts (`$body`). syn needs it, rustc does not.
fn with_semicolons(tokens: TokenStream) -> TokenStream {
    let mut out: Vec<TokenTree> = Vec::new();
    let mut tokens = tokens.into_iter().peekable();
    while let Some(token) = tokens.next() {
        let TokenTree::Group(group) = token else {
            out.push(token);
            continue;
        };
        let is_statement = is_interpolated(&group)
            && is_block_like(group.stream())
            && out.last().is_none_or(ends_statement)
            && tokens.peek().is_some_and(begins_statement);
        let mut inside = Group::new(group.delimiter(), with_semicolons(group.stream()));
        inside.set_span(group.span());
        out.push(inside.into());
        if is_statement {
            out.push(Punct::new(';', Spacing::Alone).into());
        }
    }
    out.into_iter().collect()
}

fn is_interpolated(group: &Group) -> bool {
    group.delimiter() == Delimiter::None
}

fn begins_statement(token: &TokenTree) -> bool {
    !matches!(token, TokenTree::Punct(punct) if !"#*&-!'|<:".contains(punct.as_char()))
}

fn ends_statement(token: &TokenTree) -> bool {
    match token {
        TokenTree::Punct(punct) => punct.as_char() == ';',
        TokenTree::Group(group) => group.delimiter() == Delimiter::Brace,
        _ => false,
    }
}

fn is_block_like(tokens: TokenStream) -> bool {
    let is_block = |token: &TokenTree| match token {
        TokenTree::Group(group) if is_interpolated(group) => is_block_like(group.stream()),
        TokenTree::Group(group) => group.delimiter() == Delimiter::Brace,
        _ => false,
    };
    let mut tokens = tokens.into_iter();
    match (tokens.next(), tokens.last()) {
        (Some(block), None) => is_block(&block),
        (Some(TokenTree::Ident(word)), Some(last)) => {
            is_one_of(&word, "if match loop while for unsafe") && is_block(&last)
        }
        _ => false,
    }
}

/// Returns the item with an error that a lint reports. If rustc itself finds a syntax error, it runs no lint, so the user sees
/// one error.
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
        TokenTree::Ident(word) if is_one_of(word, "fn impl mod trait") => Some(word),
        _ => None,
    });
    let is_function = keyword.is_some_and(|keyword| keyword == "fn");
    match tokens.last_mut() {
        // The function may be a method, and an `impl` block cannot contain a `const _`, so the report goes into the body.
        Some(TokenTree::Group(body)) if is_function => {
            let statements = body.stream();
            let mut with_report = Group::new(body.delimiter(), quote!(#report #statements));
            with_report.set_span(body.span());
            *body = with_report;
            tokens.into_iter().collect()
        }
        _ => quote!(#(#tokens)* const _: () = #report;),
    }
}
