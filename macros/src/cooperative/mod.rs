mod insert;
mod macros;
mod options;
mod stride;
mod turn;

use proc_macro2::TokenStream;
use quote::{ToTokens, quote};
use syn::visit_mut::VisitMut;
use syn::{Attribute, Block, Error, ImplItem, Item, ItemImpl, Result, Signature, TraitItem, TraitItemFn};

use self::insert::Inserter;
use self::options::Options;
use crate::library::Library;
use crate::returns::{self, Returns};
use crate::syntax::{add, mentions};
use crate::{attribute, parse};

const NAME: &str = "cooperative";

const ADVICE: &str = "return a `Result<_, E>` with `E: From<TimedOut>`, or use `#[cooperative(unwind)]`";

pub(crate) fn expand(library: Library, options: TokenStream, item: TokenStream) -> TokenStream {
    let mut parsed = match parse::item(&item, NAME) {
        Ok(parsed) => parsed,
        Err(unparsed) => return unparsed,
    };
    let mut with_checks = parsed.clone();
    match syn::parse2::<Options>(options).and_then(|options| annotate(library, options, &mut with_checks)) {
        Ok(()) => with_checks.into_token_stream(),
        Err(e) => {
            Cleaner.visit_item_mut(&mut parsed);
            let error = e.to_compile_error();
            quote!(#parsed #error)
        }
    }
}

fn annotate(library: Library, options: Options, item: &mut Item) -> Result<()> {
    if let Some(skip) = options.skip {
        return Err(Error::new(
            skip.span(),
            "nothing to skip: `skip` is for a loop of a cooperative function, and for a function of a cooperative \
             `impl`, `trait` or `mod`",
        ));
    }
    let options = options.calls(library)?;
    match item {
        Item::Fn(function) => {
            check_signature(&function.sig, &function.attrs, &options)?;
            Inserter::insert(options, &function.sig, &mut function.block, false)
        }
        Item::Impl(_) | Item::Mod(_) | Item::Trait(_) => Members::insert(options, item),
        Item::Verbatim(tokens) => Err(Error::new_spanned(tokens, "there is no body for checks")),
        other => Err(Error::new_spanned(
            other,
            "`#[cooperative]` is for functions, and for `impl`, `trait` and `mod` blocks with functions",
        )),
    }
}

fn check_signature(signature: &Signature, attributes: &[Attribute], options: &Options) -> Result<()> {
    if let Some(again) = attribute::find(attributes, NAME) {
        return Err(Error::new_spanned(again, "`#[cooperative]` is given twice"));
    }
    if let Some(constness) = &signature.constness {
        return Err(Error::new_spanned(
            constness,
            "a `const fn` cannot check: remove `const`, or annotate its callers",
        ));
    }
    let Some(unwind) = &options.unwind else { return check_return_type(signature) };
    refuse_limit(attributes)?;
    match &signature.abi {
        Some(abi) if !unwinds(abi) => Err(Error::new(
            unwind.span(),
            format!("unwinding out of an `{}` function aborts the process", abi.to_token_stream()),
        )),
        _ => Ok(()),
    }
}

fn check_return_type(signature: &Signature) -> Result<()> {
    match (returns::of(signature), returns::future(signature)) {
        (Returns::Result, _) | (Returns::Perhaps, None) => Ok(()),
        (_, Some(future)) => Err(Error::new_spanned(
            future,
            "the checks would be outside this future: put `#[cooperative]` before its `async` block, or above \
             `#[async_trait]` on the `impl` block",
        )),
        (Returns::No(refusal), None) => Err(refusal.advise(ADVICE)),
    }
}

fn refuse_limit(attributes: &[Attribute]) -> Result<()> {
    let Some(limit) = attribute::find(attributes, "time_limit") else { return Ok(()) };
    Err(Error::new_spanned(
        limit,
        "unwinding drops the alarm of this function before a `catch` can read it: return a `Result` and omit `unwind`, \
         or put the limit around the call with `alarm.catch(…)`",
    ))
}

fn unwinds(abi: &syn::Abi) -> bool {
    abi.name.as_ref().is_some_and(|name| name.value() == "Rust" || name.value().ends_with("-unwind"))
}

struct Members {
    options: Options,
    checked: usize,
    errors: Option<Error>,
}

impl Members {
    fn insert(options: Options, item: &mut Item) -> Result<()> {
        if let (Some(unwind), true) = (&options.unwind, is_drop(item)) {
            return Err(Error::new(
                unwind.span(),
                "a destructor must not unwind: during an unwinding that aborts the process",
            ));
        }
        let mut members = Members { options, checked: 0, errors: None };
        members.item(item);
        if let Some(errors) = members.errors {
            return Err(errors);
        }
        if members.checked > 0 {
            return Ok(());
        }
        let keyword: &dyn ToTokens = match item {
            Item::Impl(block) => &block.impl_token,
            Item::Trait(block) => &block.trait_token,
            Item::Mod(module) => &module.mod_token,
            other => other,
        };
        Err(Error::new_spanned(
            keyword,
            "no function in this block can have checks: none has a body and returns a `Result` that can hold a `TimedOut`",
        ))
    }

    fn item(&mut self, item: &mut Item) {
        let attributes = match item {
            Item::Impl(block) => &mut block.attrs,
            Item::Trait(block) => &mut block.attrs,
            Item::Mod(module) => &mut module.attrs,
            Item::Fn(function) => {
                return self.function(&mut function.attrs, &function.sig, &mut function.block);
            }
            _ => return,
        };
        if self.skips(attributes) || self.options.unwind.is_some() && is_drop(item) {
            return;
        }
        match item {
            Item::Impl(block) => {
                for member in &mut block.items {
                    if let ImplItem::Fn(function) = member {
                        self.function(&mut function.attrs, &function.sig, &mut function.block);
                    }
                }
            }
            Item::Trait(block) => {
                for member in &mut block.items {
                    if let TraitItem::Fn(TraitItemFn { attrs, sig, default: Some(body), .. }) = member {
                        self.function(attrs, sig, body);
                    }
                }
            }
            Item::Mod(module) => {
                module.content.iter_mut().flat_map(|(_, items)| items).for_each(|item| self.item(item));
            }
            _ => {}
        }
    }

    fn function(&mut self, attributes: &mut Vec<Attribute>, signature: &Signature, body: &mut Block) {
        if self.skips(attributes) {
            return;
        }
        let inserted = match self.options.unwind.as_ref().map_or(Ok(()), |_| refuse_limit(attributes)) {
            Ok(()) if !self.suits(signature, attributes) => return,
            Ok(()) => Inserter::insert(self.options.clone(), signature, body, true),
            refused => refused,
        };
        self.checked += 1;
        if let Err(e) = inserted {
            add(&mut self.errors, e);
        }
    }

    /// Returns whether the item has an attribute of its own. Removes `#[cooperative(skip)]`; any other expands later.
    fn skips(&mut self, attributes: &mut Vec<Attribute>) -> bool {
        let Some(own) = attribute::find(attributes, NAME) else { return false };
        if Options::of(own).is_ok_and(|options| options.skip.is_some()) {
            attribute::take(attributes, NAME);
        } else {
            self.checked += 1;
        }
        true
    }

    /// Returns whether the function can have checks. A possible alias of `Result` does not qualify: checks might not compile.
    fn suits(&self, signature: &Signature, attributes: &[Attribute]) -> bool {
        let mentions_self = |expr: &TokenStream| mentions(expr.clone(), |name| name == "self");
        check_signature(signature, attributes, &self.options).is_ok()
            && (self.options.unwind.is_some() || matches!(returns::of(signature), Returns::Result))
            && (signature.receiver().is_some() || !self.options.alarm.as_ref().is_some_and(mentions_self))
    }
}

fn is_drop(item: &Item) -> bool {
    let Item::Impl(ItemImpl { trait_: Some((path, _)), .. }) = item else { return false };
    path.segments.last().is_some_and(|last| last.ident == "Drop")
}

/// Removes `#[cooperative]` and `#[time_limit]` from an item with an error, so that they do not report it again.
struct Cleaner;

impl VisitMut for Cleaner {
    fn visit_attributes_mut(&mut self, attributes: &mut Vec<Attribute>) {
        attributes.retain(|own| !attribute::is(own, NAME) && !attribute::is(own, "time_limit"));
    }
}
