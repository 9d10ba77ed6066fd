use proc_macro2::{Span, TokenStream, TokenTree};
use quote::{ToTokens, quote, quote_spanned};
use syn::ext::IdentExt;
use syn::parse::{Parse, ParseStream};
use syn::spanned::Spanned;
use syn::{Error, Expr, ExprLit, Item, ItemFn, Lit, LitStr, Path, Result, Token};

use crate::attribute::{self, crate_path, unknown, value};
use crate::library::Library;
use crate::parse;
use crate::returns::{self, Returns};
use crate::syntax::{insert_first, ungrouped};

const NAME: &str = "time_limit";

const ADVICE: &str = "return a `Result<_, E>` with `E: From<TimedOut>`, or arm an `Alarm` in the body";

pub(crate) fn expand(library: Library, options: TokenStream, item: TokenStream) -> TokenStream {
    let parsed = match parse::item(&item, NAME) {
        Ok(parsed) => parsed,
        Err(unparsed) => return unparsed,
    };
    limited(library, options, parsed).unwrap_or_else(|e| {
        let error = e.to_compile_error();
        quote!(#item #error)
    })
}

fn limited(library: Library, options: TokenStream, item: Item) -> Result<TokenStream> {
    let given = options.clone();
    let options: Options = syn::parse2(options)?;
    let library = library.given(options.krate.as_ref());
    if library == Library::Core {
        return Err(Error::new(
            Span::call_site(),
            "`sigalarm-core` arms no alarm: leave the limit to the caller, or depend on `sigalarm`",
        ));
    }
    library.check_name(options.krate.as_ref())?;
    let mut function = match item {
        Item::Fn(function) => function,
        Item::Verbatim(tokens) => {
            return Err(Error::new_spanned(tokens, "there is no body to put under a limit"));
        }
        other => return Err(Error::new_spanned(other, "`#[time_limit]` is for single functions")),
    };
    if let Some(again) = attribute::find(&function.attrs, NAME) {
        return Err(Error::new_spanned(again, "`#[time_limit]` is given twice"));
    }
    if attribute::find(&function.attrs, "cooperative").is_some() {
        // `#[cooperative]` must expand first, because the statement that arms must precede its check at the entry. So this
        // attribute adds itself again, below `#[cooperative]`.
        let krate = library.path(options.krate.as_ref(), Span::call_site());
        function.attrs.push(syn::parse_quote!(#[#krate::time_limit(#given)]));
    } else {
        check_signature(&function)?;
        let guard = options.guard(&function);
        insert_first(&mut function.block, guard);
    }
    Ok(function.into_token_stream())
}

fn check_signature(function: &ItemFn) -> Result<()> {
    const FUTURE: &str = "a future cannot be under a time limit: its alarm would belong to the thread of the first \
        poll, and would count the time of waiting; use the timer of the runtime, or limit the function that computes";
    if let Some(constness) = &function.sig.constness {
        return Err(Error::new_spanned(
            constness,
            "a `const fn` cannot be under a time limit: remove `const`, or limit its callers",
        ));
    }
    if let Some(asyncness) = &function.sig.asyncness {
        return Err(Error::new_spanned(asyncness, FUTURE));
    }
    if let Some(future) = returns::future(&function.sig) {
        return Err(Error::new_spanned(future, FUTURE));
    }
    match returns::of(&function.sig) {
        Returns::Result | Returns::Perhaps => Ok(()),
        Returns::No(refusal) => Err(refusal.advise(ADVICE)),
    }
}

struct Options {
    limit: TokenStream,
    label: Option<LitStr>,
    try_arm: bool,
    krate: Option<Path>,
}

impl Options {
    /// The statement arms in an inner function, so that the builder is not in the stack frame of a recursive function.
    fn guard(&self, function: &ItemFn) -> TokenStream {
        let site = Span::mixed_site();
        let krate = Library::Sigalarm.path(self.krate.as_ref(), site);
        let limit = &self.limit;
        let name = function.sig.ident.unraw().to_string();
        let label = self.label.as_ref().map_or_else(|| name.clone(), LitStr::value);
        let arm = quote_spanned!(site=> #krate::Alarm::builder().after(__limit).label(#label).arm());
        let (returns, body, question) = if self.try_arm {
            let returns = quote_spanned!(site=> ::core::result::Result<#krate::Alarm, #krate::ArmError>);
            (returns, arm, Some(quote_spanned!(site=> ?)))
        } else {
            let fault = format!("`{name}` cannot be put under its time limit: {{}}");
            let body = quote_spanned!(site=> match #arm {
                ::core::result::Result::Ok(__alarm) => __alarm,
                ::core::result::Result::Err(__error) => ::core::panic!(#fault, __error),
            });
            (quote_spanned!(site=> #krate::Alarm), body, None)
        };
        quote_spanned!(site=>
            #[allow(clippy::question_mark_used)]
            let _alarm = {
                // Never runs: makes the compiler report a missing `From<TimedOut>`.
                if false {
                    #krate::checkpoint()?;
                }
                let __limit: ::core::time::Duration = #limit;
                {
                    #[inline(never)]
                    fn arm(__limit: ::core::time::Duration) -> #returns {
                        #body
                    }
                    arm(__limit)
                }
            }#question;
        )
    }
}

impl Parse for Options {
    fn parse(input: ParseStream) -> Result<Options> {
        if input.is_empty() {
            return Err(Error::new(
                Span::call_site(),
                "the limit is missing: `#[time_limit(\"10s\")]`, or an expression of type `Duration`",
            ));
        }
        let mut options = Options { limit: limit(input)?, label: None, try_arm: false, krate: None };
        if !input.is_empty() {
            input.parse::<Token![,]>()?;
        }
        if input.peek(Lit) {
            return Err(input.error("a second limit: a function has one, and only options follow it"));
        }
        attribute::options(input, |name, input| {
            match name.to_string().as_str() {
                "label" => options.label = Some(value(input, name, "\"solve\"", |value| value.parse())?),
                "try_arm" => options.try_arm = true,
                "crate" => options.krate = Some(crate_path(input, name)?),
                _ => return Err(unknown(name, "`label`, `try_arm` and `crate`, after the limit")),
            }
            Ok(())
        })?;
        Ok(options)
    }
}

fn limit(input: ParseStream) -> Result<TokenStream> {
    match ungrouped(input.parse()?) {
        Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) => match humantime::parse_duration(&text.value()) {
            Ok(limit) => {
                let (secs, nanos) = (limit.as_secs(), limit.subsec_nanos());
                Ok(quote_spanned!(Span::mixed_site()=> ::core::time::Duration::new(#secs, #nanos)))
            }
            Err(e) => {
                let message = format!("not a duration: {e}; write it as `10s`, `250ms` or `1h 30min`");
                Err(Error::new(text.span(), message))
            }
        },
        Expr::Lit(ExprLit { lit: number @ (Lit::Int(_) | Lit::Float(_)), .. }) => {
            Err(unquoted(&number, input)?)
        }
        Expr::Assign(option) => {
            Err(Error::new_spanned(option.left, "the limit comes first: `#[time_limit(\"10s\", …)]`"))
        }
        limit => Ok(quote_spanned!(limit.span()=> #limit)),
    }
}

fn unquoted(number: &Lit, input: ParseStream) -> Result<Error> {
    let mut text = number.to_token_stream().to_string();
    while !input.is_empty() && !input.peek(Token![,]) {
        text += &format!(" {}", input.parse::<TokenTree>()?);
    }
    let (digits, suffix) = match number {
        Lit::Int(number) => (number.base10_digits(), number.suffix()),
        Lit::Float(number) => (number.base10_digits(), number.suffix()),
        _ => ("", ""),
    };
    let is_number = suffix.is_empty() || ["i", "u", "f"].iter().any(|kind| suffix.starts_with(kind));
    let message = if is_number && !text.contains(' ') {
        format!("the unit is missing: `\"{digits}s\"`, `\"{digits}ms\"`")
    } else {
        format!("put it in quotes: `\"{text}\"`")
    };
    Ok(Error::new(number.span(), message))
}
