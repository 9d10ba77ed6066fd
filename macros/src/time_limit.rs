//! `#[time_limit(…)]`: a whole function under an alarm of its own.

#[cfg(test)]
mod tests;

use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, quote, quote_spanned};
use syn::ext::IdentExt;
use syn::parse::{Parse, ParseStream};
use syn::spanned::Spanned;
use syn::{Error, Expr, ExprLit, Item, ItemFn, Lit, LitStr, Path, Result, Stmt, Token};

use crate::options::{each, unknown, value, value_with};
use crate::returns::{self, Returns};
use crate::{attribute, library};

const ADVICE: &str = "return a `Result<_, E>` with `E: From<TimedOut>`; a function that answers otherwise can arm an `Alarm` in its body";

/// The function with a guard at the top of its body; on an error, the function as it was, and the error.
pub(crate) fn expand(options: TokenStream, item: TokenStream) -> TokenStream {
    match limited(options, item.clone()) {
        Ok(limited) => limited,
        Err(e) => {
            let error = e.to_compile_error();
            quote!(#item #error)
        }
    }
}

fn limited(options: TokenStream, item: TokenStream) -> Result<TokenStream> {
    let given = options.clone();
    let options: Options = syn::parse2(options)?;
    let mut function = match syn::parse2(item)? {
        Item::Fn(function) => function,
        Item::Verbatim(tokens) => {
            return Err(Error::new_spanned(tokens, "there is no body to put under a limit"));
        }
        other => return Err(Error::new_spanned(other, "`#[time_limit]` is for functions, one by one")),
    };
    fit(&function)?;
    if attribute::find(&function.attrs, "cooperative").is_some() {
        // That one first, whichever is written first: its check at the entry belongs behind the guard.
        let krate = library::path(options.krate.as_ref(), Span::call_site());
        function.attrs.push(syn::parse_quote!(#[#krate::time_limit(#given)]));
    } else {
        let guard = options.guard(&function);
        function.block.stmts.insert(0, Stmt::Expr(Expr::Verbatim(guard), None));
    }
    Ok(function.into_token_stream())
}

/// Whether a function can be put under a limit; else what to do.
fn fit(function: &ItemFn) -> Result<()> {
    if let Some(constness) = &function.sig.constness {
        return Err(Error::new_spanned(
            constness,
            "a `const fn` cannot be put under a limit: take `const` away, or limit its callers",
        ));
    }
    if let Some(asyncness) = &function.sig.asyncness {
        return Err(Error::new_spanned(
            asyncness,
            "an `async fn` waits, and its alarm would stay behind on the thread that polled it first: use the \
             timer of its runtime, or limit the function that computes",
        ));
    }
    match returns::of(&function.sig) {
        Returns::Result | Returns::Perhaps => Ok(()),
        Returns::No(refusal) => Err(refusal.advise(ADVICE)),
    }
}

/// What stands in the parentheses.
struct Options {
    limit: Limit,
    label: Option<LitStr>,
    try_arm: bool,
    krate: Option<Path>,
}

enum Limit {
    /// A text that was understood.
    Known(std::time::Duration),
    /// What makes a `Duration` when the function is called.
    Computed(Box<Expr>),
}

impl Options {
    /// The statement that arms the alarm. A binding in the function's own body: so `return`, `?`, what the
    /// function borrows and what it returns are as they were, and the guard is dropped last of all.
    fn guard(&self, function: &ItemFn) -> TokenStream {
        let site = Span::mixed_site();
        let krate = library::path(self.krate.as_ref(), site);
        let limit = match &self.limit {
            Limit::Known(limit) => {
                let (secs, nanos) = (limit.as_secs(), limit.subsec_nanos());
                quote_spanned!(site=> ::core::time::Duration::new(#secs, #nanos))
            }
            Limit::Computed(expr) => quote_spanned!(expr.span()=> #expr),
        };
        let name = function.sig.ident.unraw().to_string();
        let label = self.label.as_ref().map_or_else(|| name.clone(), LitStr::value);
        let arm = quote_spanned!(site=> #krate::Alarm::builder().after(#limit).label(#label).arm());
        if self.try_arm {
            return quote_spanned!(site=> let _alarm = #arm?;);
        }
        let fault = format!("`{name}` cannot be put under its time limit: {{}}");
        quote_spanned!(site=>
            let _alarm = match #arm {
                ::core::result::Result::Ok(alarm) => alarm,
                ::core::result::Result::Err(e) => ::core::panic!(#fault, e),
            };
        )
    }
}

impl Parse for Options {
    fn parse(input: ParseStream) -> Result<Options> {
        if input.is_empty() {
            return Err(Error::new(
                Span::call_site(),
                "how long? `#[time_limit(\"10s\")]`, or an expression that is a `Duration`",
            ));
        }
        let limit = input.parse()?;
        let mut options = Options { limit, label: None, try_arm: false, krate: None };
        if !input.is_empty() {
            input.parse::<Token![,]>()?;
        }
        each(input, |name, input| {
            match name.to_string().as_str() {
                "label" => options.label = Some(value(input, name, "\"solve\"")?),
                "try_arm" => options.try_arm = true,
                "crate" => options.krate = Some(value_with(input, name, "sigalarm", Path::parse_mod_style)?),
                _ => return Err(unknown(name, "`label`, `try_arm` and `crate`, behind the limit")),
            }
            Ok(())
        })?;
        Ok(options)
    }
}

impl Parse for Limit {
    fn parse(input: ParseStream) -> Result<Limit> {
        match input.parse::<Expr>()? {
            Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) => {
                match humantime::parse_duration(&text.value()) {
                    Ok(limit) => Ok(Limit::Known(limit)),
                    Err(e) => Err(Error::new(
                        text.span(),
                        format!("this is no length of time: {e}; it reads like `10s`, `250ms` or `1h 30min`"),
                    )),
                }
            }
            Expr::Lit(ExprLit { lit: number @ (Lit::Int(_) | Lit::Float(_)), .. }) => {
                let message = format!("{0} of what? `\"{0}s\"`, `\"{0}ms\"`", number.to_token_stream());
                Err(Error::new(number.span(), message))
            }
            Expr::Assign(option) => {
                Err(Error::new_spanned(option.left, "the limit comes first: `#[time_limit(\"10s\", …)]`"))
            }
            limit => Ok(Limit::Computed(Box::new(limit))),
        }
    }
}
