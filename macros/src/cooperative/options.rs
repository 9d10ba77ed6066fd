//! The options of `#[cooperative(…)]`.

use proc_macro2::{Span, TokenStream};
use quote::quote_spanned;
use syn::parse::{Parse, ParseStream};
use syn::spanned::Spanned;
use syn::{Attribute, Error, Expr, Ident, Meta, Path, Result};

use crate::library::{self, Library};
use crate::options::{each, unknown, value, value_with};

/// The arguments of one attribute.
pub(super) enum Request {
    Checks(Options),
    Skip(Ident),
}

#[derive(Clone, Default)]
pub(super) struct Options {
    /// The receiver of `check`.
    alarm: Option<TokenStream>,
    every: Option<Every>,
    unwind: Option<Ident>,
    krate: Option<Path>,
    library: Library,
}

/// The number of turns between two checks; not zero.
#[derive(Clone, Copy)]
struct Every(u32);

impl Options {
    /// Returns the check at `at`, which becomes `TimedOut::location`. Without the `allow`, clippy takes the `?` for the user's; the
    /// macro's span hides the `allow` from clippy.
    pub(super) fn check(&self, at: Span) -> TokenStream {
        let krate = library::path(self.library, self.krate.as_ref(), at);
        let allow = quote_spanned!(Span::mixed_site()=> #[allow(clippy::question_mark_used)]);
        match (&self.alarm, &self.unwind) {
            (None, None) => quote_spanned!(at=> #allow #krate::checkpoint()?;),
            (None, Some(_)) => quote_spanned!(at=> #krate::unwind_if_expired();),
            (Some(alarm), None) => quote_spanned!(at=> #allow #alarm.check()?;),
            (Some(alarm), Some(_)) => quote_spanned!(at=> #alarm.unwind_if_expired();),
        }
    }

    /// Returns the number of turns between two checks, if more than one.
    pub(super) fn stride(&self) -> Option<u32> {
        self.every.map(|Every(turns)| turns).filter(|turns| *turns > 1)
    }

    /// Returns `true` also for `every = 1`.
    pub(super) fn has_every(&self) -> bool {
        self.every.is_some()
    }

    pub(super) fn unwind(&self) -> Option<&Ident> {
        self.unwind.as_ref()
    }

    pub(super) fn of(self, library: Library) -> Options {
        let library = library.given(self.krate.as_ref());
        Options { library, ..self }
    }

    /// Rejects a library that is renamed or cannot unwind.
    pub(super) fn check_library(&self) -> Result<()> {
        match (&self.alarm, &self.unwind) {
            (Some(_), _) => Ok(()),
            (None, Some(unwind)) if self.library == Library::Core => Err(Error::new(
                unwind.span(),
                "`sigalarm-core` cannot unwind: return a `Result` and omit `unwind`, or depend on `sigalarm`",
            )),
            (None, _) => self.library.check_name(self.krate.as_ref()),
        }
    }

    pub(super) fn alarm(&self) -> Option<&TokenStream> {
        self.alarm.as_ref()
    }

    /// Adds the options of the enclosing code.
    pub(super) fn within(self, outer: &Options) -> Options {
        Options {
            alarm: self.alarm.or_else(|| outer.alarm.clone()),
            every: self.every.or(outer.every),
            unwind: self.unwind.or_else(|| outer.unwind.clone()),
            library: outer.library.given(self.krate.as_ref()),
            krate: self.krate.or_else(|| outer.krate.clone()),
        }
    }

    pub(super) fn refuse_on_loop(&self) -> Result<()> {
        const WHY: &str = "a loop takes `every = …` or `skip`; other options belong on the function";
        match (&self.alarm, &self.unwind, &self.krate) {
            (Some(alarm), _, _) => Err(Error::new_spanned(alarm, WHY)),
            (_, Some(unwind), _) => Err(Error::new_spanned(unwind, WHY)),
            (_, _, Some(krate)) => Err(Error::new_spanned(krate, WHY)),
            _ => Ok(()),
        }
    }
}

/// Returns the expression, in parentheses where a method call needs them.
fn receiver(expr: &Expr) -> TokenStream {
    match expr {
        Expr::Call(_)
        | Expr::Field(_)
        | Expr::Index(_)
        | Expr::Macro(_)
        | Expr::MethodCall(_)
        | Expr::Paren(_)
        | Expr::Path(_) => quote_spanned!(expr.span()=> #expr),
        _ => quote_spanned!(expr.span()=> (#expr)),
    }
}

impl Request {
    pub(super) fn of(attribute: &Attribute) -> Result<Request> {
        match &attribute.meta {
            Meta::Path(_) => Ok(Request::Checks(Options::default())),
            _ => attribute.parse_args(),
        }
    }
}

impl Parse for Request {
    fn parse(input: ParseStream) -> Result<Request> {
        let mut options = Options::default();
        let mut skip = None;
        let mut others = false;
        each(input, |name, input| {
            match name.to_string().as_str() {
                "alarm" => options.alarm = Some(receiver(&value(input, name, "alarm")?)),
                "every" => options.every = Some(value(input, name, "1024")?),
                "crate" => options.krate = Some(value_with(input, name, "sigalarm", Path::parse_mod_style)?),
                "unwind" => options.unwind = Some(name.clone()),
                "skip" => {
                    skip = Some(name.clone());
                    return Ok(());
                }
                _ => return Err(unknown(name, "`alarm`, `every`, `unwind`, `crate` and `skip`")),
            }
            others = true;
            Ok(())
        })?;
        match skip {
            Some(skip) if others => Err(Error::new(skip.span(), "`skip` excludes other options")),
            Some(skip) => Ok(Request::Skip(skip)),
            None => Ok(Request::Checks(options)),
        }
    }
}

impl Parse for Every {
    fn parse(input: ParseStream) -> Result<Every> {
        const WHAT: &str = "`every` takes a number of turns, as a literal: `every = 1024`";
        let literal = match input.parse::<Expr>()? {
            Expr::Lit(syn::ExprLit { lit: syn::Lit::Int(literal), .. }) => literal,
            other => return Err(Error::new_spanned(other, WHAT)),
        };
        match literal.base10_parse::<u32>() {
            Ok(0) => Err(Error::new(
                literal.span(),
                "`every = 0` would never check: omit `every` to check at each turn, or put `#[cooperative(skip)]` \
                 on a loop that needs no check",
            )),
            Ok(turns) => Ok(Every(turns)),
            Err(_) => Err(Error::new(literal.span(), format!("`every` is at most {}", u32::MAX))),
        }
    }
}
