//! The way to the library from wherever the attribute stands.

use proc_macro2::{Group, Span, TokenStream, TokenTree};
use quote::{ToTokens, quote_spanned};
use syn::Path;

/// The path of the library, standing at `at`: `::sigalarm`, or what `crate = …` says.
///
/// What is called through it takes its [`Location`](std::panic::Location) from the tokens of the call, so all
/// of them must stand where the user looks for it, those of a path written elsewhere as well.
pub(crate) fn path(given: Option<&Path>, at: Span) -> TokenStream {
    match given {
        None => quote_spanned!(at=> ::sigalarm),
        Some(path) => moved(path.to_token_stream(), at),
    }
}

/// The same tokens, meaning the same, at another place.
fn moved(tokens: TokenStream, at: Span) -> TokenStream {
    tokens
        .into_iter()
        .map(|token| {
            let mut token = match token {
                TokenTree::Group(group) => {
                    let inside = moved(group.stream(), at);
                    let mut outside = Group::new(group.delimiter(), inside);
                    outside.set_span(group.span());
                    TokenTree::Group(outside)
                }
                token => token,
            };
            token.set_span(token.span().located_at(at));
            token
        })
        .collect()
}
