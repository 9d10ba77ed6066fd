//! The walk through a body that puts the checks in.

use proc_macro2::Span;
use quote::quote_spanned;
use syn::spanned::Spanned;
use syn::visit_mut::{self, VisitMut};
use syn::{
    AngleBracketedGenericArguments, Attribute, Block, Error, Expr, ExprAsync, ExprClosure, ExprConst,
    ExprRepeat, ExprTryBlock, Item, Macro, Pat, Result, Signature, Stmt, Type,
};

use super::macros;
use super::options::{Options, Request};
use super::{NAME, stride};
use crate::attribute;

/// Walks through a body in the order in which it is written.
///
/// It goes wherever `?` means a return from the function: into every block and expression, and not into
/// closures, `async` and `try` blocks, whose `?` ends only themselves, nor into items and constants, which are
/// not run where they stand.
pub(super) struct Inserter {
    options: Options,
    /// Inside something that has no checks: the walk goes on only to find what has an attribute of its own.
    bare: bool,
    /// Numbers the labels that the body is given, for one must not hide another.
    pub(super) labels: usize,
    /// How often the body was changed.
    changes: usize,
    errors: Option<Error>,
}

impl Inserter {
    pub(super) fn new(options: Options) -> Inserter {
        Inserter { options, bare: false, labels: 0, changes: 0, errors: None }
    }

    /// The whole of a function: its entry as well, for what has no loop may still be recursive.
    pub(super) fn function(&mut self, signature: &Signature, body: &mut Block) {
        self.visit_block_mut(body);
        self.enter(body, signature.ident.span());
    }

    pub(super) fn finish(self) -> Result<()> {
        self.errors.map_or(Ok(()), Err)
    }

    /// Puts a check at the beginning of a block.
    fn enter(&mut self, block: &mut Block, at: Span) {
        self.changes += 1;
        block.stmts.insert(0, statement(self.options.check(at)));
    }

    fn error(&mut self, e: Error) {
        match &mut self.errors {
            Some(errors) => errors.combine(e),
            None => self.errors = Some(e),
        }
    }

    /// Takes our attribute off an expression, and says what it asks for.
    fn take(&mut self, attributes: &mut Vec<Attribute>) -> Option<Request> {
        let attribute = attribute::take(attributes, NAME)?;
        self.changes += 1;
        match Request::of(&attribute) {
            Ok(Request::Checks(options)) => Some(Request::Checks(options.within(&self.options))),
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
                if let Some(body) = body(expr) {
                    body.stmts.insert(0, statement(check));
                }
            }
        }
    }

    /// How to check in this loop, if at all.
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
        } else if !options.says_every() {
            self.error(Error::new_spanned(
                attribute,
                "the loops of a cooperative function are checked without this; it could say `every = …` or `skip`",
            ));
        } else if self.bare {
            self.error(Error::new_spanned(
                attribute,
                "this loop has no checks, for the closure or `async` block around it is not cooperative: put \
                 `#[cooperative]` before that",
            ));
        }
        Some(options.within(&self.options))
    }

    /// Walks with other options, and comes back to these.
    fn with(&mut self, options: Options, bare: bool, walk: impl FnOnce(&mut Inserter)) {
        let outer = (std::mem::replace(&mut self.options, options), std::mem::replace(&mut self.bare, bare));
        walk(self);
        (self.options, self.bare) = outer;
    }

    /// Walks through what has no checks.
    fn barely(&mut self, walk: impl FnOnce(&mut Inserter)) {
        self.with(self.options.clone(), true, walk);
    }
}

/// A statement that is not looked into again.
fn statement(tokens: proc_macro2::TokenStream) -> Stmt {
    Stmt::Expr(Expr::Verbatim(tokens), None)
}

fn body(expr: &mut Expr) -> Option<&mut Block> {
    match expr {
        Expr::ForLoop(turns) => Some(&mut turns.body),
        Expr::While(turns) => Some(&mut turns.body),
        Expr::Loop(turns) => Some(&mut turns.body),
        _ => None,
    }
}

impl VisitMut for Inserter {
    fn visit_expr_mut(&mut self, expr: &mut Expr) {
        match expr {
            Expr::ForLoop(_) | Expr::While(_) | Expr::Loop(_) => self.visit_loop(expr),
            _ => visit_mut::visit_expr_mut(self, expr),
        }
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
                self.barely(|this| visit_mut::visit_expr_closure_mut(this, closure));
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
                self.barely(|this| visit_mut::visit_expr_async_mut(this, block));
            }
        }
    }

    fn visit_expr_try_block_mut(&mut self, block: &mut ExprTryBlock) {
        self.barely(|this| visit_mut::visit_expr_try_block_mut(this, block));
    }

    /// Only the value: the length is a constant.
    fn visit_expr_repeat_mut(&mut self, repeat: &mut ExprRepeat) {
        self.visit_attributes_mut(&mut repeat.attrs);
        self.visit_expr_mut(&mut repeat.expr);
    }

    fn visit_macro_mut(&mut self, invocation: &mut Macro) {
        let before = self.changes;
        if let Some(tokens) = macros::with_arguments(invocation, |argument| self.visit_expr_mut(argument)) {
            // The tokens as they were written are the better ones, as long as nothing has changed in them.
            if self.changes != before {
                invocation.tokens = tokens;
            }
        }
    }

    /// What is left of our attributes when the loops and closures have taken theirs.
    fn visit_attributes_mut(&mut self, attributes: &mut Vec<Attribute>) {
        while let Some(stray) = attribute::take(attributes, NAME) {
            self.changes += 1;
            self.error(Error::new_spanned(
                stray,
                "inside a function, this stands directly before a loop, a closure or an `async` block",
            ));
        }
    }

    /// For the guards.
    fn visit_pat_mut(&mut self, pat: &mut Pat) {
        if !matches!(pat, Pat::Macro(_)) {
            visit_mut::visit_pat_mut(self, pat);
        }
    }

    // Not run where they stand, or not at all.
    fn visit_item_mut(&mut self, _: &mut Item) {}
    fn visit_expr_const_mut(&mut self, _: &mut ExprConst) {}
    fn visit_type_mut(&mut self, _: &mut Type) {}
    fn visit_angle_bracketed_generic_arguments_mut(&mut self, _: &mut AngleBracketedGenericArguments) {}
}
