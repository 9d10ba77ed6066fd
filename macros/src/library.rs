use proc_macro2::{Group, Span, TokenStream, TokenTree};
use quote::{ToTokens, quote_spanned};
use syn::{Error, Path, Result};

#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Library {
    #[default]
    Sigalarm,
    Core,
}

impl Library {
    pub(crate) fn given(self, path: Option<&Path>) -> Library {
        match path.and_then(|path| path.segments.last()) {
            Some(last) if last.ident == "sigalarm_core" => Library::Core,
            _ => self,
        }
    }

    pub(crate) fn path(self, given: Option<&Path>, at: Span) -> TokenStream {
        match (given, self) {
            (None, Library::Sigalarm) => quote_spanned!(at=> ::sigalarm),
            (None, Library::Core) => quote_spanned!(at=> ::sigalarm_core),
            (Some(path), _) => located(path.to_token_stream(), at),
        }
    }

    pub(crate) fn check_name(self, given: Option<&Path>) -> Result<()> {
        let package = match (given, self) {
            (Some(_), _) => return Ok(()),
            (None, Library::Sigalarm) => "sigalarm",
            (None, Library::Core) => "sigalarm-core",
        };
        match new_name(package) {
            Some(name) => Err(Error::new(
                Span::call_site(),
                format!("the dependency `{package}` is named `{name}` in Cargo.toml: add `crate = {name}`"),
            )),
            None => Ok(()),
        }
    }
}

fn located(tokens: TokenStream, at: Span) -> TokenStream {
    let move_one = |mut token: TokenTree| {
        if let TokenTree::Group(group) = &token {
            let mut inside = Group::new(group.delimiter(), located(group.stream(), at));
            inside.set_span(group.span());
            token = inside.into();
        }
        token.set_span(token.span().located_at(at));
        token
    };
    tokens.into_iter().map(move_one).collect()
}

fn new_name(package: &str) -> Option<String> {
    let directory = std::env::var_os("CARGO_MANIFEST_DIR")?;
    let manifest = std::fs::read_to_string(std::path::Path::new(&directory).join("Cargo.toml")).ok()?;
    renamed(&manifest, package)
}

/// Returns the name of the dependency `package`: `name` for `name = { package = "sigalarm" }`.
fn renamed(manifest: &str, package: &str) -> Option<String> {
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
        let compact = line.replace(char::is_whitespace, "").replace('\'', "\"");
        if compact.contains(&format!("package=\"{package}\"")) {
            let key = if key == "package" { section } else { key };
            name = Some(key.trim_matches('"').replace('-', "_"));
        }
    }
    name
}

#[test]
fn renamed_dependencies_are_found() {
    for (name, manifest) in [
        (Some("other_name"), "[dependencies]\nother-name = { package = \"sigalarm\", version = \"0.1\" }"),
        (Some("other"), "[dependencies]\nother = { version = \"0.1\", package='sigalarm' } # renamed"),
        (Some("other"), "[dependencies]\nother.version = \"0.1\"\nother.package = \"sigalarm\""),
        (Some("other"), "[dependencies.other]\nversion = \"0.1\"\npackage = \"sigalarm\""),
        (Some("other"), "[target.'cfg(unix)'.dependencies.other]\npackage = \"sigalarm\"\n[features]"),
        (None, "[dependencies]\nother = { package = \"sigalarm-core\" }"),
        (None, "[dependencies]\nsigalarm = \"0.1\""),
        (
            None,
            "[dependencies]\nsigalarm.workspace = true\n[dev-dependencies]\nold = { package = \"sigalarm\" }",
        ),
        (None, "[dependencies.sigalarm]\nversion = \"0.1\""),
        (None, "[dependencies]\n# old = { package = \"sigalarm\" }\nserde = \"1\""),
        (None, "[package]\nname = \"sigalarm\""),
    ] {
        assert_eq!(renamed(manifest, "sigalarm").as_deref(), name, "{manifest}");
    }
}
