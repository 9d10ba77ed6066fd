//! `#[cooperative]`: a check at the entry of a function and at the head of each of its loops.

mod insert;
mod macros;
mod options;
mod stride;
#[cfg(test)]
mod tests;
mod turn;

use proc_macro2::{TokenStream, TokenTree};
use quote::{ToTokens, quote};
use syn::punctuated::Punctuated;
use syn::visit_mut::VisitMut;
use syn::{Attribute, Block, Error, FnArg, ImplItem, Item, ItemImpl, Result, Signature, TraitItem};

use self::insert::Inserter;
use self::options::{Options, Request};
use crate::attribute;
use crate::returns::{self, Returns};

/// What this crate calls itself where it finds itself in other people's code.
const NAME: &str = "cooperative";

const ADVICE: &str = "return a `Result<_, E>` with `E: From<TimedOut>`, or say `#[cooperative(unwind)]`";

/// The annotated item with its checks in place; and where something is wrong with it, the item without them,
/// so that whoever uses it is not told of it as well, and the error.
pub(crate) fn expand(options: TokenStream, item: TokenStream) -> TokenStream {
    let mut parsed = match syn::parse2::<Item>(item.clone()) {
        Ok(parsed) => parsed,
        Err(e) => {
            let error = e.to_compile_error();
            return quote!(#item #error);
        }
    };
    let mut with_checks = parsed.clone();
    match syn::parse2::<Request>(options).and_then(|request| annotate(request, &mut with_checks)) {
        Ok(()) => with_checks.into_token_stream(),
        Err(e) => {
            Cleaner.visit_item_mut(&mut parsed);
            let error = e.to_compile_error();
            quote!(#parsed #error)
        }
    }
}

fn annotate(request: Request, item: &mut Item) -> Result<()> {
    let options = match request {
        Request::Checks(options) => options,
        Request::Skip(skip) => {
            return Err(Error::new(
                skip.span(),
                "nothing around this is cooperative, so there is nothing to skip; `skip` is for the loops of a \
                 cooperative function, and for the functions of a cooperative `impl`, `trait` or `mod`",
            ));
        }
    };
    match item {
        Item::Fn(function) => {
            fit(&function.sig, &function.attrs, &options)?;
            insert(&options, &function.sig, &mut function.block)
        }
        Item::Impl(_) | Item::Mod(_) | Item::Trait(_) => {
            if let Item::Impl(block) = item {
                if let (Some(unwind), true) = (options.unwind(), is_drop(block)) {
                    return Err(Error::new(
                        unwind.span(),
                        "a destructor must not unwind: when it runs because of an unwinding, that would abort \
                         the process",
                    ));
                }
            }
            let mut members = Members { options, checked: 0, errors: None };
            members.item(item);
            members.finish(item)
        }
        Item::Verbatim(tokens) => Err(Error::new_spanned(tokens, "there is no body to put checks into")),
        other => Err(Error::new_spanned(
            other,
            "`#[cooperative]` is for functions, and for `impl`, `trait` and `mod` blocks that have some",
        )),
    }
}

/// Whether this function, annotated by itself, can have checks; else what to do.
fn fit(signature: &Signature, attributes: &[Attribute], options: &Options) -> Result<()> {
    if let Some(again) = attribute::find(attributes, NAME) {
        return Err(Error::new_spanned(again, "`#[cooperative]` is given twice"));
    }
    if let Some(constness) = &signature.constness {
        return Err(Error::new_spanned(
            constness,
            "a `const fn` cannot ask for the time: take `const` away, or annotate its callers",
        ));
    }
    let Some(unwind) = options.unwind() else {
        return match returns::of(signature) {
            Returns::Result | Returns::Perhaps => Ok(()),
            Returns::No(refusal) => Err(refusal.advise(ADVICE)),
        };
    };
    limited(attributes)?;
    if let Some(abi) = signature.abi.as_ref().filter(|abi| !unwinds(abi)) {
        return Err(Error::new(
            unwind.span(),
            format!("unwinding out of an `{}` function aborts the process", abi.to_token_stream()),
        ));
    }
    Ok(())
}

/// An error if a function that unwinds has a limit of its own.
fn limited(attributes: &[Attribute]) -> Result<()> {
    let Some(limit) = attribute::find(attributes, "time_limit") else { return Ok(()) };
    Err(Error::new_spanned(
        limit,
        "unwinding out of a function takes its time limit along, and nobody is left to catch it: return a \
         `Result` and leave `unwind` out, or put the limit around the call with `alarm.catch(…)`",
    ))
}

fn unwinds(abi: &syn::Abi) -> bool {
    abi.name.as_ref().is_some_and(|name| name.value() == "Rust" || name.value().ends_with("-unwind"))
}

fn insert(options: &Options, signature: &Signature, body: &mut Block) -> Result<()> {
    let mut inserter = Inserter::new(options.clone());
    inserter.function(signature, body);
    inserter.finish()
}

/// The functions of an annotated block.
struct Members {
    options: Options,
    /// How many there are with checks, or with an attribute of their own.
    checked: usize,
    errors: Option<Error>,
}

impl Members {
    fn item(&mut self, item: &mut Item) {
        match item {
            Item::Fn(function) => self.function(&mut function.attrs, &function.sig, &mut function.block),
            Item::Impl(block) => {
                if self.skips(&mut block.attrs) || self.options.unwind().is_some() && is_drop(block) {
                    return;
                }
                for member in &mut block.items {
                    if let ImplItem::Fn(function) = member {
                        self.function(&mut function.attrs, &function.sig, &mut function.block);
                    }
                }
            }
            Item::Trait(block) => {
                if self.skips(&mut block.attrs) {
                    return;
                }
                for member in &mut block.items {
                    let TraitItem::Fn(function) = member else { continue };
                    if let Some(body) = &mut function.default {
                        self.function(&mut function.attrs, &function.sig, body);
                    }
                }
            }
            Item::Mod(module) => {
                if self.skips(&mut module.attrs) {
                    return;
                }
                for item in module.content.iter_mut().flat_map(|(_, items)| items) {
                    self.item(item);
                }
            }
            _ => {}
        }
    }

    fn function(&mut self, attributes: &mut Vec<Attribute>, signature: &Signature, body: &mut Block) {
        if self.skips(attributes) {
            return;
        }
        let inserted = match self.options.unwind().map_or(Ok(()), |_| limited(attributes)) {
            Ok(()) if !self.suits(signature, attributes) => return,
            Ok(()) => insert(&self.options, signature, body),
            Err(e) => Err(e),
        };
        self.checked += 1;
        if let Err(e) = inserted {
            self.error(e);
        }
    }

    /// Whether something in the block is left alone because an attribute of its own says so: `skip`, or its
    /// own options, with which it will be expanded when its turn comes.
    fn skips(&mut self, attributes: &mut Vec<Attribute>) -> bool {
        let Some(own) = attribute::find(attributes, NAME) else { return false };
        match Request::of(own) {
            Ok(Request::Skip(_)) => _ = attribute::take(attributes, NAME),
            Ok(Request::Checks(_)) | Err(_) => self.checked += 1,
        }
        true
    }

    /// Whether a function of the block, which nobody has pointed at, can have checks. A name that only may
    /// stand for a `Result` is not enough here: a guess that fails would be an error where none was made.
    fn suits(&self, signature: &Signature, attributes: &[Attribute]) -> bool {
        fit(signature, attributes, &self.options).is_ok()
            && (self.options.unwind().is_some() || matches!(returns::of(signature), Returns::Result))
            && (has_receiver(&signature.inputs) || !self.options.alarm().is_some_and(mentions_self))
    }

    fn error(&mut self, e: Error) {
        match &mut self.errors {
            Some(errors) => errors.combine(e),
            None => self.errors = Some(e),
        }
    }

    fn finish(self, item: &Item) -> Result<()> {
        if let Some(errors) = self.errors {
            return Err(errors);
        }
        if self.checked > 0 {
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
            "nothing in here can be made cooperative: no function has a body and returns a `Result` that could \
             hold a `TimedOut`",
        ))
    }
}

fn is_drop(block: &ItemImpl) -> bool {
    let last = block.trait_.as_ref().and_then(|(path, _)| path.segments.last());
    last.is_some_and(|last| last.ident == "Drop")
}

fn has_receiver<P>(inputs: &Punctuated<FnArg, P>) -> bool {
    matches!(inputs.first(), Some(FnArg::Receiver(_)))
}

fn mentions_self(expr: &TokenStream) -> bool {
    expr.clone().into_iter().any(|token| match token {
        TokenTree::Ident(ident) => ident == "self",
        TokenTree::Group(group) => mentions_self(&group.stream()),
        _ => false,
    })
}

/// Takes our attributes off everything where they mean something to us only, so that an item that is handed
/// back as it was is not taken to task for them.
struct Cleaner;

impl VisitMut for Cleaner {
    fn visit_attributes_mut(&mut self, attributes: &mut Vec<Attribute>) {
        attributes.retain(|attribute| !attribute::is(attribute, NAME));
    }
}
