//! The library that an expansion calls, and its path.

use std::sync::OnceLock;

use proc_macro2::{Group, Span, TokenStream, TokenTree};
use quote::{ToTokens, quote_spanned};
use syn::{Error, Path, Result};

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Library {
    #[default]
    Sigalarm,
    /// `sigalarm-core`, which has `checkpoint` only.
    Core,
}

impl Library {
    fn package(self) -> &'static str {
        match self {
            Library::Sigalarm => "sigalarm",
            Library::Core => "sigalarm-core",
        }
    }

    pub(crate) fn given(self, path: Option<&Path>) -> Library {
        match path.and_then(|path| path.segments.last()) {
            Some(last) if last.ident == "sigalarm_core" => Library::Core,
            _ => self,
        }
    }

    /// Rejects a renamed dependency without `crate = …`.
    pub(crate) fn check_name(self, given: Option<&Path>) -> Result<()> {
        self.refuse(given, self.new_name().as_deref())
    }

    fn refuse(self, given: Option<&Path>, new_name: Option<&str>) -> Result<()> {
        match (given, new_name) {
            (None, Some(name)) => Err(Error::new(
                Span::call_site(),
                format!(
                    "the dependency `{}` is named `{name}` in Cargo.toml: add `crate = {name}`",
                    self.package()
                ),
            )),
            _ => Ok(()),
        }
    }

    fn new_name(self) -> Option<String> {
        static MANIFEST: OnceLock<Option<String>> = OnceLock::new();
        let read = || {
            let directory = std::env::var_os("CARGO_MANIFEST_DIR")?;
            std::fs::read_to_string(std::path::Path::new(&directory).join("Cargo.toml")).ok()
        };
        self.renamed(MANIFEST.get_or_init(read).as_ref()?)
    }

    /// Returns the name of a dependency with `package = "sigalarm"`. Compares lines and does not parse TOML.
    fn renamed(self, manifest: &str) -> Option<String> {
        let package = self.package();
        let mut section = "";
        let mut name = None;
        for line in manifest.lines().map(str::trim).filter(|line| !line.starts_with('#')) {
            if let Some(header) = line.strip_prefix('[') {
                section = header.trim_end_matches(']').rsplit('.').next().unwrap_or_default().trim();
            }
            let key = line.split(['=', '.', ' ']).next().unwrap_or_default();
            if key == package || section == package {
                return None;
            }
            let compact: String = line
                .chars()
                .filter(|c| !c.is_whitespace())
                .map(|c| if c == '\'' { '"' } else { c })
                .collect();
            if compact.contains(&format!("package=\"{package}\"")) {
                let key = if key == "package" { section } else { key };
                name = Some(key.trim_matches('"').replace('-', "_"));
            }
        }
        name
    }
}

/// Returns the library's path, with each token at `at`, which becomes `TimedOut::location`.
pub(crate) fn path(library: Library, given: Option<&Path>, at: Span) -> TokenStream {
    match (given, library) {
        (None, Library::Sigalarm) => quote_spanned!(at=> ::sigalarm),
        (None, Library::Core) => quote_spanned!(at=> ::sigalarm_core),
        (Some(path), _) => located(path.to_token_stream(), at),
    }
}

/// Moves the tokens to the location `at` and keeps their hygiene.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn renamed_dependency_needs_its_path() {
        let path = syn::parse_quote!(limit_of);
        assert!(Library::Sigalarm.refuse(Some(&path), Some("limit_of")).is_ok());
        assert!(Library::Sigalarm.refuse(None, None).is_ok());
        assert_eq!(
            Library::Core.refuse(None, Some("limit_of")).unwrap_err().to_string(),
            "the dependency `sigalarm-core` is named `limit_of` in Cargo.toml: add `crate = limit_of`"
        );
    }

    #[test]
    fn renamed_dependency_is_found() {
        for manifest in [
            "[dependencies]\nlimit-of = { package = \"sigalarm\", version = \"0.1\" }",
            "[dependencies]\nlimit-of = { version = \"0.1\", package='sigalarm' } # renamed",
            "[dependencies]\nlimit-of.version = \"0.1\"\nlimit-of.package = \"sigalarm\"",
            "[dependencies.limit-of]\nversion = \"0.1\"\npackage = \"sigalarm\"",
            "[target.'cfg(unix)'.dependencies.limit-of]\npackage = \"sigalarm\"\n[features]",
        ] {
            assert_eq!(Library::Sigalarm.renamed(manifest).as_deref(), Some("limit_of"), "{manifest}");
            let manifest = manifest
                .replace("\"sigalarm\"", "\"sigalarm-core\"")
                .replace("'sigalarm'", "'sigalarm-core'");
            assert_eq!(Library::Core.renamed(&manifest).as_deref(), Some("limit_of"), "{manifest}");
            assert_eq!(Library::Sigalarm.renamed(&manifest), None, "{manifest}");
        }
    }

    #[test]
    fn dependency_with_its_own_name_is_not_renamed() {
        for manifest in [
            "[dependencies]\nsigalarm = \"0.1\"",
            "[dependencies]\nsigalarm.workspace = true\n[dev-dependencies]\nold = { package = \"sigalarm\" }",
            "[dependencies.sigalarm]\nversion = \"0.1\"",
            "[dependencies]\n# old = { package = \"sigalarm\" }\nserde = \"1\"",
            "[package]\nname = \"sigalarm\"",
        ] {
            assert_eq!(Library::Sigalarm.renamed(manifest), None, "{manifest}");
        }
    }
}
