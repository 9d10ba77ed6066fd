//! Inserts checks into a function body.

use proc_macro2::Span;
use quote::quote_spanned;
use syn::spanned::Spanned;
use syn::visit_mut::{self, VisitMut};
use syn::{
    AngleBracketedGenericArguments, Attribute, Block, Error, Expr, ExprAsync, ExprCall, ExprClosure,
    ExprConst, ExprRepeat, ExprTryBlock, Item, Macro, Pat, Result, Signature, Type,
};

use super::options::{Options, Request};
use super::{NAME, macros, stride};
use crate::attribute;
use crate::block::insert_first;

/// Visits the code in which `?` returns from the function: no closures, `async` and `try` blocks, items or constants.
pub(super) struct Inserter {
    options: Options,
    /// The visited code has no checks: the visitor only finds misplaced attributes.
    bare: bool,
    /// The number of labels, which makes each label unique.
    pub(super) labels: usize,
    changes: usize,
    /// The body contains a loop or a call.
    may_take_long: bool,
    errors: Option<Error>,
}

impl Inserter {
    pub(super) fn new(options: Options) -> Inserter {
        Inserter { options, bare: false, labels: 0, changes: 0, may_take_long: false, errors: None }
    }

    /// The check at the entry is for recursion.
    pub(super) fn function(&mut self, signature: &Signature, body: &mut Block) {
        self.visit_block_mut(body);
        self.enter(body, signature.ident.span());
    }

    /// As `function`, but a function without a loop or call, such as an accessor, gets no check.
    pub(super) fn member(&mut self, signature: &Signature, body: &mut Block) {
        self.visit_block_mut(body);
        if self.may_take_long {
            self.enter(body, signature.ident.span());
        }
    }

    pub(super) fn finish(self) -> Result<()> {
        self.errors.map_or(Ok(()), Err)
    }

    fn enter(&mut self, block: &mut Block, at: Span) {
        self.changes += 1;
        insert_first(block, self.options.check(at));
    }

    fn error(&mut self, e: Error) {
        match &mut self.errors {
            Some(errors) => errors.combine(e),
            None => self.errors = Some(e),
        }
    }

    fn take(&mut self, attributes: &mut Vec<Attribute>) -> Option<Request> {
        let attribute = attribute::take(attributes, NAME)?;
        self.changes += 1;
        match Request::of(&attribute) {
            Ok(Request::Checks(options)) => {
                let options = options.within(&self.options);
                if let Err(e) = options.check_library() {
                    self.error(e);
                }
                Some(Request::Checks(options))
            }
            Ok(request) => Some(request),
            Err(e) => {
                self.error(e);
                None
            }
        }
    }

    fn visit_loop(&mut self, expr: &mut Expr) {
        let (attributes, at) = match expr {
            Expr::ForLoop(turns) => (&mut turns.attrs, turns.for_token.span),
            Expr::While(turns) => (&mut turns.attrs, turns.while_token.span),
            Expr::Loop(turns) => (&mut turns.attrs, turns.loop_token.span),
            _ => return,
        };
        self.may_take_long = true;
        let options = match self.take_on_loop(attributes) {
            Some(options) if !self.bare => options,
            _ => return visit_mut::visit_expr_mut(self, expr),
        };
        let check = options.check(at);
        self.changes += 1;
        match options.stride() {
            Some(turns) => stride::check_every(turns, check, expr, self),
            None => {
                visit_mut::visit_expr_mut(self, expr);
                match expr {
                    Expr::ForLoop(turns) => insert_first(&mut turns.body, check),
                    Expr::While(turns) => insert_first(&mut turns.body, check),
                    Expr::Loop(turns) => insert_first(&mut turns.body, check),
                    _ => {}
                }
            }
        }
    }

    /// Returns the options of this loop; `None` for a loop without checks.
    fn take_on_loop(&mut self, attributes: &mut Vec<Attribute>) -> Option<Options> {
        let Some(attribute) = attribute::take(attributes, NAME) else { return Some(self.options.clone()) };
        self.changes += 1;
        let options = match Request::of(&attribute) {
            Ok(Request::Skip(_)) => return None,
            Ok(Request::Checks(options)) => options,
            Err(e) => {
                self.error(e);
                return None;
            }
        };
        if let Err(e) = options.refuse_on_loop() {
            self.error(e);
        } else if !options.has_every() {
            self.error(Error::new_spanned(
                attribute,
                "not needed: each loop of a cooperative function is checked; a loop takes `every = …` or `skip`",
            ));
        } else if self.bare {
            self.error(Error::new_spanned(
                attribute,
                "this loop has no checks, because the closure or `async` block around it is not cooperative: put \
                 `#[cooperative]` before the closure or block",
            ));
        }
        Some(options.within(&self.options))
    }

    fn with(&mut self, options: Options, bare: bool, walk: impl FnOnce(&mut Inserter)) {
        let outer = (std::mem::replace(&mut self.options, options), std::mem::replace(&mut self.bare, bare));
        walk(self);
        (self.options, self.bare) = outer;
    }

    fn without_checks(&mut self, walk: impl FnOnce(&mut Inserter)) {
        self.with(self.options.clone(), true, walk);
    }
}

/// Returns whether this calls a variant or a tuple struct.
fn is_constructor(call: &ExprCall) -> bool {
    let Expr::Path(path) = &*call.func else { return false };
    let last = path.path.segments.last();
    last.is_some_and(|last| last.ident.to_string().starts_with(char::is_uppercase))
}

impl VisitMut for Inserter {
    fn visit_expr_mut(&mut self, expr: &mut Expr) {
        match expr {
            Expr::ForLoop(_) | Expr::While(_) | Expr::Loop(_) => return self.visit_loop(expr),
            Expr::Call(call) => self.may_take_long |= !is_constructor(call),
            Expr::MethodCall(_) | Expr::Await(_) | Expr::Verbatim(_) => self.may_take_long = true,
            _ => {}
        }
        visit_mut::visit_expr_mut(self, expr);
    }

    fn visit_expr_closure_mut(&mut self, closure: &mut ExprClosure) {
        let at = closure.inputs_begin.span;
        match self.take(&mut closure.attrs) {
            Some(Request::Checks(options)) => self.with(options, false, |this| {
                visit_mut::visit_expr_closure_mut(this, closure);
                if let Expr::Block(body) = &mut *closure.body {
                    if body.label.is_none() && body.attrs.is_empty() {
                        return this.enter(&mut body.block, at);
                    }
                }
                let (check, body) = (this.options.check(at), &closure.body);
                let site = Span::mixed_site().located_at(body.span());
                *closure.body = Expr::Verbatim(quote_spanned!(site=> { #check #body }));
            }),
            Some(Request::Skip(_)) | None => {
                self.without_checks(|this| visit_mut::visit_expr_closure_mut(this, closure));
            }
        }
    }

    fn visit_expr_async_mut(&mut self, block: &mut ExprAsync) {
        let at = block.async_token.span;
        match self.take(&mut block.attrs) {
            Some(Request::Checks(options)) => self.with(options, false, |this| {
                visit_mut::visit_expr_async_mut(this, block);
                this.enter(&mut block.block, at);
            }),
            Some(Request::Skip(_)) | None => {
                self.without_checks(|this| visit_mut::visit_expr_async_mut(this, block));
            }
        }
    }

    fn visit_expr_try_block_mut(&mut self, block: &mut ExprTryBlock) {
        self.without_checks(|this| visit_mut::visit_expr_try_block_mut(this, block));
    }

    /// The length is a constant.
    fn visit_expr_repeat_mut(&mut self, repeat: &mut ExprRepeat) {
        self.visit_attributes_mut(&mut repeat.attrs);
        self.visit_expr_mut(&mut repeat.expr);
    }

    fn visit_macro_mut(&mut self, invocation: &mut Macro) {
        let before = self.changes;
        self.may_take_long |= macros::formats(invocation);
        match macros::with_arguments(invocation, |argument| self.visit_expr_mut(argument)) {
            // The original tokens have better spans.
            Some(tokens) if self.changes != before => invocation.tokens = tokens,
            Some(_) => {}
            None => self.may_take_long = true,
        }
    }

    /// Reports a misplaced attribute.
    fn visit_attributes_mut(&mut self, attributes: &mut Vec<Attribute>) {
        while let Some(stray) = attribute::take(attributes, NAME) {
            self.changes += 1;
            self.error(Error::new_spanned(
                stray,
                "inside a function, this attribute belongs directly before a loop, a closure or an `async` block",
            ));
        }
    }

    /// Visits the guards of a `match`.
    fn visit_pat_mut(&mut self, pat: &mut Pat) {
        if !matches!(pat, Pat::Macro(_)) {
            visit_mut::visit_pat_mut(self, pat);
        }
    }

    // These do not run as part of the body.
    fn visit_item_mut(&mut self, _: &mut Item) {}
    fn visit_expr_const_mut(&mut self, _: &mut ExprConst) {}
    fn visit_type_mut(&mut self, _: &mut Type) {}
    fn visit_angle_bracketed_generic_arguments_mut(&mut self, _: &mut AngleBracketedGenericArguments) {}
}
