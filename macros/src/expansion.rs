//! How the expansion tests compare: as source, so that a difference can be read.

use proc_macro2::TokenStream;

/// Expands `item` and asserts that this is `expected`, up to layout.
#[track_caller]
pub(crate) fn assert_expands(
    expand: fn(TokenStream, TokenStream) -> TokenStream,
    options: &str,
    item: &str,
    expected: &str,
) {
    let expanded = expand(options.parse().unwrap(), item.parse().unwrap()).to_string();
    let (expanded, expected) = (layout(&expanded), layout(expected));
    assert!(expanded == expected, "expanded to\n{expanded}\nexpected\n{expected}");
}

#[track_caller]
fn layout(source: &str) -> String {
    prettyplease::unparse(&syn::parse_file(source).unwrap_or_else(|e| panic!("{e} in\n{source}")))
}
