//! What stands in the parentheses of `#[cooperative(…)]`.

use proc_macro2::{Span, TokenStream};
use quote::quote_spanned;
use syn::parse::{Parse, ParseStream};
use syn::spanned::Spanned;
use syn::{Attribute, Error, Expr, Ident, Meta, Path, Result};

use crate::library;
use crate::options::{each, unknown, value, value_with};

/// What an attribute asks for.
pub(super) enum Request {
    Checks(Options),
    /// `skip`: leave this one bare.
    Skip(Ident),
}

/// How to check.
#[derive(Clone, Default)]
pub(super) struct Options {
    /// As the receiver of a method call.
    alarm: Option<TokenStream>,
    every: Option<Every>,
    unwind: Option<Ident>,
    krate: Option<Path>,
}

/// How many turns of a loop to a check; not zero.
#[derive(Clone, Copy)]
struct Every(u32);

impl Options {
    /// The check, standing at `at`: that is where `TimedOut::location` will point.
    ///
    /// These are the tokens that somebody would write by hand, and nothing else, so that the machine code is
    /// the same as well.
    pub(super) fn check(&self, at: Span) -> TokenStream {
        let krate = library::path(self.krate.as_ref(), at);
        match (&self.alarm, &self.unwind) {
            (None, None) => quote_spanned!(at=> #krate::checkpoint()?;),
            (None, Some(_)) => quote_spanned!(at=> #krate::unwind_if_expired();),
            (Some(alarm), None) => quote_spanned!(at=> #alarm.check()?;),
            (Some(alarm), Some(_)) => quote_spanned!(at=> #alarm.unwind_if_expired();),
        }
    }

    /// How many turns of a loop to a check, if they are more than one.
    pub(super) fn stride(&self) -> Option<u32> {
        self.every.map(|Every(turns)| turns).filter(|turns| *turns > 1)
    }

    /// Whether `every` is said, were it `every = 1`.
    pub(super) fn says_every(&self) -> bool {
        self.every.is_some()
    }

    pub(super) fn unwind(&self) -> Option<&Ident> {
        self.unwind.as_ref()
    }

    pub(super) fn alarm(&self) -> Option<&TokenStream> {
        self.alarm.as_ref()
    }

    /// These, and where they say nothing, those of what stands around.
    pub(super) fn within(self, outer: &Options) -> Options {
        Options {
            alarm: self.alarm.or_else(|| outer.alarm.clone()),
            every: self.every.or(outer.every),
            unwind: self.unwind.or_else(|| outer.unwind.clone()),
            krate: self.krate.or_else(|| outer.krate.clone()),
        }
    }

    /// An error at each option that a loop cannot have.
    pub(super) fn refuse_on_loop(&self) -> Result<()> {
        const WHY: &str = "a loop takes `skip` or `every = …`; the rest is said once, on the function";
        match (&self.alarm, &self.unwind, &self.krate) {
            (Some(alarm), _, _) => Err(Error::new_spanned(alarm, WHY)),
            (_, Some(unwind), _) => Err(Error::new_spanned(unwind, WHY)),
            (_, _, Some(krate)) => Err(Error::new_spanned(krate, WHY)),
            _ => Ok(()),
        }
    }
}

/// The expression, in parentheses where a method call behind it needs them.
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
    /// What an attribute inside an annotated item asks for.
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
            Some(skip) if others => {
                Err(Error::new(skip.span(), "`skip` stands alone: what has no checks needs no options"))
            }
            Some(skip) => Ok(Request::Skip(skip)),
            None => Ok(Request::Checks(options)),
        }
    }
}

impl Parse for Every {
    fn parse(input: ParseStream) -> Result<Every> {
        const WHAT: &str = "how many turns of a loop to a check, as a plain number: `every = 1024`";
        let literal = match input.parse::<Expr>()? {
            Expr::Lit(syn::ExprLit { lit: syn::Lit::Int(literal), .. }) => literal,
            other => return Err(Error::new_spanned(other, WHAT)),
        };
        match literal.base10_parse::<u32>() {
            Ok(0) => Err(Error::new(
                literal.span(),
                "`every = 0` would never check: leave `every` out to check at every turn, or say \
                 `#[cooperative(skip)]` on the loops that shall have no check",
            )),
            Ok(turns) => Ok(Every(turns)),
            Err(_) => Err(Error::new(literal.span(), format!("at most {} turns to a check", u32::MAX))),
        }
    }
}
