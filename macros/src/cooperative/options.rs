use proc_macro2::{Span, TokenStream};
use quote::quote_spanned;
use syn::parse::{Parse, ParseStream};
use syn::spanned::Spanned;
use syn::{Attribute, Error, Expr, Ident, Meta, Path, Result};

use crate::attribute::{self, crate_path, unknown, value};
use crate::library::Library;
use crate::syntax::ungrouped;

#[derive(Clone, Default)]
pub(super) struct Options {
    pub(super) alarm: Option<TokenStream>,
    pub(super) every: Option<u32>,
    pub(super) unwind: Option<Ident>,
    pub(super) skip: Option<Ident>,
    krate: Option<Path>,
    callee: Library,
}

impl Options {
    pub(super) fn of(attribute: &Attribute) -> Result<Options> {
        match &attribute.meta {
            Meta::Path(_) => Ok(Options::default()),
            _ => attribute.parse_args(),
        }
    }

    pub(super) fn calls(self, library: Library) -> Result<Options> {
        let library = library.given(self.krate.as_ref());
        match (&self.alarm, &self.unwind) {
            (Some(_), _) => {}
            (None, Some(unwind)) if library == Library::Core => {
                return Err(Error::new(
                    unwind.span(),
                    "`sigalarm-core` cannot unwind: return a `Result` and omit `unwind`, or depend on `sigalarm`",
                ));
            }
            (None, _) => library.check_name(self.krate.as_ref())?,
        }
        Ok(Options { callee: library, ..self })
    }

    pub(super) fn within(self, outer: &Options) -> Result<Options> {
        let options = Options {
            alarm: self.alarm.or_else(|| outer.alarm.clone()),
            every: self.every.or(outer.every),
            unwind: self.unwind.or_else(|| outer.unwind.clone()),
            krate: self.krate.or_else(|| outer.krate.clone()),
            ..self
        };
        options.calls(outer.callee)
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

    /// Returns a check. Its span `at` becomes `TimedOut::location`.
    pub(super) fn check(&self, at: Span) -> TokenStream {
        let krate = self.callee.path(self.krate.as_ref(), at);
        let allow = quote_spanned!(Span::mixed_site()=> #[allow(clippy::question_mark_used)]);
        match (&self.alarm, &self.unwind) {
            (None, None) => quote_spanned!(at=> #allow #krate::checkpoint()?;),
            (None, Some(_)) => quote_spanned!(at=> #krate::unwind_if_expired();),
            (Some(alarm), None) => quote_spanned!(at=> #allow #alarm.check()?;),
            (Some(alarm), Some(_)) => quote_spanned!(at=> #alarm.unwind_if_expired();),
        }
    }
}

impl Parse for Options {
    fn parse(input: ParseStream) -> Result<Options> {
        let mut options = Options::default();
        let mut count = 0;
        attribute::options(input, |name, input| {
            count += 1;
            match name.to_string().as_str() {
                "alarm" => options.alarm = Some(value(input, name, "alarm", receiver)?),
                "every" => options.every = Some(value(input, name, "1024", turns)?),
                "crate" => options.krate = Some(crate_path(input, name)?),
                "unwind" => options.unwind = Some(name.clone()),
                "skip" => options.skip = Some(name.clone()),
                _ => return Err(unknown(name, "`alarm`, `every`, `unwind`, `crate` and `skip`")),
            }
            Ok(())
        })?;
        match &options.skip {
            Some(skip) if count > 1 => Err(Error::new(skip.span(), "`skip` excludes other options")),
            _ => Ok(options),
        }
    }
}

fn receiver(input: ParseStream) -> Result<TokenStream> {
    let expr: Expr = input.parse()?;
    Ok(match &expr {
        Expr::Call(_)
        | Expr::Field(_)
        | Expr::Index(_)
        | Expr::Macro(_)
        | Expr::MethodCall(_)
        | Expr::Paren(_)
        | Expr::Path(_) => quote_spanned!(expr.span()=> #expr),
        _ => quote_spanned!(expr.span()=> (#expr)),
    })
}

fn turns(input: ParseStream) -> Result<u32> {
    let literal = match ungrouped(input.parse()?) {
        Expr::Lit(syn::ExprLit { lit: syn::Lit::Int(literal), .. }) => literal,
        other => {
            const WHAT: &str = "`every` takes a number of turns, as a literal: `every = 1024`";
            return Err(Error::new_spanned(other, WHAT));
        }
    };
    match literal.base10_parse() {
        Ok(0) => Err(Error::new(
            literal.span(),
            "`every = 0` would never check: omit `every` to check at each turn, or put `#[cooperative(skip)]` on a \
             loop that needs no check",
        )),
        Ok(turns) => Ok(turns),
        Err(_) => Err(Error::new(literal.span(), format!("`every` is at most {}", u32::MAX))),
    }
}
