//! The path of the library at the place of the attribute.

use std::sync::OnceLock;

use proc_macro2::{Group, Span, TokenStream, TokenTree};
use quote::{ToTokens, quote_spanned};
use syn::{Error, Path, Result};

/// The path of the library, located at `at`: `::sigalarm`, or the value of `crate = …`.
///
/// `TimedOut::location` is the place of the call's tokens. So each token of the path is located at `at`, also of a path
/// that was written elsewhere.
pub(crate) fn path(given: Option<&Path>, at: Span) -> TokenStream {
    match given {
        None => quote_spanned!(at=> ::sigalarm),
        Some(path) => located(path.to_token_stream(), at),
    }
}

/// An error if `::sigalarm` is not the path, because the dependency has another name.
pub(crate) fn check_name(given: Option<&Path>) -> Result<()> {
    refuse(given, new_name())
}

fn refuse(given: Option<&Path>, new_name: Option<&str>) -> Result<()> {
    match (given, new_name) {
        (None, Some(name)) => Err(Error::new(
            Span::call_site(),
            format!("the dependency `sigalarm` is named `{name}` in Cargo.toml: add `crate = {name}`"),
        )),
        _ => Ok(()),
    }
}

/// The same tokens with the same meaning, located at `at`.
fn located(tokens: TokenStream, at: Span) -> TokenStream {
    tokens
        .into_iter()
        .map(|token| {
            let mut token = match token {
                TokenTree::Group(group) => {
                    let mut outside = Group::new(group.delimiter(), located(group.stream(), at));
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

/// The name that the manifest of the user's package gives to the library, if it is another.
fn new_name() -> Option<&'static str> {
    static NAME: OnceLock<Option<String>> = OnceLock::new();
    let read = || {
        let directory = std::env::var_os("CARGO_MANIFEST_DIR")?;
        renamed(&std::fs::read_to_string(std::path::Path::new(&directory).join("Cargo.toml")).ok()?)
    };
    NAME.get_or_init(read).as_deref()
}

/// The new name of a dependency with `package = "sigalarm"`, if none is named `sigalarm` itself.
///
/// Reads lines and not TOML: a form that it does not recognise gets the message of the compiler.
fn renamed(manifest: &str) -> Option<String> {
    let mut section = "";
    let mut name = None;
    for line in manifest.lines().map(str::trim).filter(|line| !line.starts_with('#')) {
        if let Some(header) = line.strip_prefix('[') {
            section = header.trim_end_matches(']').rsplit('.').next().unwrap_or_default().trim();
        }
        let key = line.split(['=', '.', ' ']).next().unwrap_or_default();
        if key == "sigalarm" || section == "sigalarm" {
            return None;
        }
        let compact: String =
            line.chars().filter(|c| !c.is_whitespace()).map(|c| if c == '\'' { '"' } else { c }).collect();
        if compact.contains("package=\"sigalarm\"") {
            let key = if key == "package" { section } else { key };
            name = Some(key.trim_matches('"').replace('-', "_"));
        }
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_renamed_dependency_needs_its_path() {
        let path = syn::parse_quote!(limit_of);
        assert!(refuse(Some(&path), Some("limit_of")).is_ok());
        assert!(refuse(None, None).is_ok());
        assert_eq!(
            refuse(None, Some("limit_of")).unwrap_err().to_string(),
            "the dependency `sigalarm` is named `limit_of` in Cargo.toml: add `crate = limit_of`"
        );
    }

    #[test]
    fn a_renamed_dependency_is_found() {
        for manifest in [
            "[dependencies]\nlimit-of = { package = \"sigalarm\", version = \"0.1\" }",
            "[dependencies]\nlimit-of = { version = \"0.1\", package='sigalarm' } # renamed",
            "[dependencies]\nlimit-of.version = \"0.1\"\nlimit-of.package = \"sigalarm\"",
            "[dependencies.limit-of]\nversion = \"0.1\"\npackage = \"sigalarm\"",
            "[target.'cfg(unix)'.dependencies.limit-of]\npackage = \"sigalarm\"\n[features]",
        ] {
            assert_eq!(renamed(manifest).as_deref(), Some("limit_of"), "{manifest}");
        }
    }

    #[test]
    fn a_dependency_of_its_own_name_is_not_renamed() {
        for manifest in [
            "[dependencies]\nsigalarm = \"0.1\"",
            "[dependencies]\nsigalarm.workspace = true\n[dev-dependencies]\nold = { package = \"sigalarm\" }",
            "[dependencies.sigalarm]\nversion = \"0.1\"",
            "[dependencies]\n# old = { package = \"sigalarm\" }\nserde = \"1\"",
            "[package]\nname = \"sigalarm\"",
        ] {
            assert_eq!(renamed(manifest), None, "{manifest}");
        }
    }
}
