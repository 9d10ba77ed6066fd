//! Compares expansions as formatted source.

use proc_macro2::TokenStream;

pub(crate) const ALLOW: &str = "# [allow (clippy :: question_mark_used)]";

/// Asserts that `item` expands to `expected`, except for layout and [`ALLOW`].
#[track_caller]
pub(crate) fn assert_expands(
    expand: impl Fn(TokenStream, TokenStream) -> TokenStream,
    options: &str,
    item: &str,
    expected: &str,
) {
    let expanded = expand(options.parse().unwrap(), item.parse().unwrap()).to_string().replace(ALLOW, "");
    let (expanded, expected) = (formatted(&expanded), formatted(expected));
    assert!(expanded == expected, "expanded to\n{expanded}\nexpected\n{expected}");
}

#[track_caller]
fn formatted(source: &str) -> String {
    prettyplease::unparse(&syn::parse_file(source).unwrap_or_else(|e| panic!("{e} in\n{source}")))
}
