use std::mem;

use proc_macro2::Span;
use quote::quote_spanned;
use syn::spanned::Spanned;
use syn::visit_mut::{self, VisitMut};
use syn::{
    AngleBracketedGenericArguments, Attribute, Block, Error, Expr, ExprAsync, ExprCall, ExprClosure,
    ExprConst, ExprRepeat, ExprTryBlock, Item, Macro, Pat, Result, Signature, Type,
};

use super::options::Options;
use super::{NAME, macros, stride};
use crate::attribute;
use crate::syntax::{add, insert_first};

/// A visitor that inserts checks. Closures and `async` blocks without an attribute, `try` blocks, items and constants get none,
/// because a `?` there does not return from the function.
pub(super) struct Inserter {
    options: Options,
    /// Whether the visited code gets no checks.
    bare: bool,
    pub(super) labels: usize,
    changes: usize,
    may_take_long: bool,
    errors: Option<Error>,
}

impl Inserter {
    /// A member of an `impl`, `trait` or `mod` block gets no check at its entry if it has no loop and no call:
    /// it returns soon.
    pub(super) fn insert(
        options: Options,
        signature: &Signature,
        body: &mut Block,
        is_member: bool,
    ) -> Result<()> {
        let mut inserter =
            Inserter { options, bare: false, labels: 0, changes: 0, may_take_long: false, errors: None };
        inserter.visit_block_mut(body);
        if inserter.may_take_long || !is_member {
            inserter.enter(body, signature.ident.span());
        }
        inserter.errors.map_or(Ok(()), Err)
    }

    fn enter(&mut self, block: &mut Block, at: Span) {
        self.changes += 1;
        insert_first(block, self.options.check(at));
    }

    fn visit_loop(&mut self, options: Options, expr: &mut Expr, at: Span) {
        let check = options.check(at);
        self.changes += 1;
        match options.every {
            Some(turns @ 2..) => return stride::check_every(turns, check, expr, self),
            _ => visit_mut::visit_expr_mut(self, expr),
        }
        if let Some((_, _, body)) = loop_parts(expr) {
            insert_first(body, check);
        }
    }

    fn take_on_loop(&mut self, attributes: &mut Vec<Attribute>) -> Option<Options> {
        let Some(attribute) = attribute::take(attributes, NAME) else {
            return (!self.bare).then(|| self.options.clone());
        };
        self.changes += 1;
        let options = Options::of(&attribute).and_then(|options| {
            options.refuse_on_loop()?;
            match (&options.skip, options.every) {
                (Some(_), _) => Ok(None),
                (None, None) => Err(Error::new_spanned(
                    attribute,
                    "not needed: each loop of a cooperative function is checked; a loop takes `every = …` or `skip`",
                )),
                _ if self.bare => Err(Error::new_spanned(
                    attribute,
                    "this loop has no checks, because the closure or `async` block around it is not cooperative: put \
                     `#[cooperative]` before the closure or block",
                )),
                _ => options.within(&self.options).map(Some),
            }
        });
        options.unwrap_or_else(|e| {
            add(&mut self.errors, e);
            None
        })
    }

    fn take(&mut self, attributes: &mut Vec<Attribute>) -> Option<Options> {
        let attribute = attribute::take(attributes, NAME)?;
        self.changes += 1;
        match Options::of(&attribute).and_then(|options| options.within(&self.options)) {
            Ok(options) => options.skip.is_none().then_some(options),
            Err(e) => {
                add(&mut self.errors, e);
                None
            }
        }
    }

    fn visit_apart(&mut self, options: Option<Options>, visit: impl FnOnce(&mut Inserter)) {
        let bare = mem::replace(&mut self.bare, options.is_none());
        let options = options.unwrap_or_else(|| self.options.clone());
        let options = mem::replace(&mut self.options, options);
        visit(self);
        (self.bare, self.options) = (bare, options);
    }
}

pub(super) fn loop_parts(expr: &mut Expr) -> Option<(&mut Vec<Attribute>, Span, &mut Block)> {
    match expr {
        Expr::ForLoop(turns) => Some((&mut turns.attrs, turns.for_token.span, &mut turns.body)),
        Expr::While(turns) => Some((&mut turns.attrs, turns.while_token.span, &mut turns.body)),
        Expr::Loop(turns) => Some((&mut turns.attrs, turns.loop_token.span, &mut turns.body)),
        _ => None,
    }
}

fn is_constructor(call: &ExprCall) -> bool {
    let Expr::Path(path) = &*call.func else { return false };
    let last = path.path.segments.last();
    last.is_some_and(|last| last.ident.to_string().starts_with(char::is_uppercase))
}

impl VisitMut for Inserter {
    fn visit_expr_mut(&mut self, expr: &mut Expr) {
        if let Some((attributes, at, _)) = loop_parts(expr) {
            self.may_take_long = true;
            if let Some(options) = self.take_on_loop(attributes) {
                return self.visit_loop(options, expr, at);
            }
        }
        self.may_take_long |= match expr {
            Expr::Call(call) => !is_constructor(call),
            Expr::MethodCall(_) | Expr::Await(_) | Expr::Verbatim(_) => true,
            _ => false,
        };
        visit_mut::visit_expr_mut(self, expr);
    }

    fn visit_expr_closure_mut(&mut self, closure: &mut ExprClosure) {
        let at = closure.inputs_begin.span;
        let options = self.take(&mut closure.attrs);
        self.visit_apart(options, |this| {
            visit_mut::visit_expr_closure_mut(this, closure);
            match &mut *closure.body {
                _ if this.bare => {}
                Expr::Block(body) if body.label.is_none() && body.attrs.is_empty() => {
                    this.enter(&mut body.block, at);
                }
                body => {
                    let check = this.options.check(at);
                    let site = Span::mixed_site().located_at(body.span());
                    *body = Expr::Verbatim(quote_spanned!(site=> { #check #body }));
                }
            }
        });
    }

    fn visit_expr_async_mut(&mut self, block: &mut ExprAsync) {
        let at = block.async_token.span;
        let options = self.take(&mut block.attrs);
        self.visit_apart(options, |this| {
            visit_mut::visit_expr_async_mut(this, block);
            if !this.bare {
                this.enter(&mut block.block, at);
            }
        });
    }

    fn visit_expr_try_block_mut(&mut self, block: &mut ExprTryBlock) {
        self.visit_apart(None, |this| visit_mut::visit_expr_try_block_mut(this, block));
    }

    fn visit_expr_repeat_mut(&mut self, repeat: &mut ExprRepeat) {
        self.visit_attributes_mut(&mut repeat.attrs);
        self.visit_expr_mut(&mut repeat.expr);
    }

    fn visit_macro_mut(&mut self, invocation: &mut Macro) {
        let before = self.changes;
        self.may_take_long |= macros::formats(invocation);
        match macros::with_arguments(invocation, |argument| self.visit_expr_mut(argument)) {
            Some(tokens) if self.changes != before => invocation.tokens = tokens,
            Some(_) => {}
            None => self.may_take_long = true,
        }
    }

    fn visit_attributes_mut(&mut self, attributes: &mut Vec<Attribute>) {
        while let Some(stray) = attribute::take(attributes, NAME) {
            self.changes += 1;
            let error = Error::new_spanned(
                stray,
                "inside a function, this attribute belongs directly before a loop, a closure or an `async` block",
            );
            add(&mut self.errors, error);
        }
    }

    fn visit_pat_mut(&mut self, pat: &mut Pat) {
        if !matches!(pat, Pat::Macro(_)) {
            visit_mut::visit_pat_mut(self, pat);
        }
    }

    fn visit_item_mut(&mut self, _: &mut Item) {}
    fn visit_expr_const_mut(&mut self, _: &mut ExprConst) {}
    fn visit_type_mut(&mut self, _: &mut Type) {}
    fn visit_angle_bracketed_generic_arguments_mut(&mut self, _: &mut AngleBracketedGenericArguments) {}
}
