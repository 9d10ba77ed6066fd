//! Converts the body of a `for` loop to a block, which `stride` puts into another loop.

use syn::visit_mut::{self, VisitMut};
use syn::{
    Block, Expr, ExprAsync, ExprBreak, ExprClosure, ExprConst, ExprForLoop, Item, Label, Lifetime, Macro,
    Pat, Token, Type,
};

use super::macros;

pub(super) struct Turn<'a> {
    loop_label: Option<Lifetime>,
    block_label: &'a Lifetime,
    inner: usize,
    pub(super) continues: bool,
    pub(super) label_is_used: bool,
    breaks: bool,
}

/// Converts each `continue` of the loop to a `break` of `block_label`. Returns `None` if the body may `break` the loop.
pub(super) fn of<'a>(turns: &ExprForLoop, block_label: &'a Lifetime) -> Option<(Block, Turn<'a>)> {
    let mut block = turns.body.clone();
    let mut turn = Turn {
        loop_label: turns.label.as_ref().map(|label| label.name.clone()),
        block_label,
        inner: 0,
        continues: false,
        label_is_used: false,
        breaks: false,
    };
    turn.visit_block_mut(&mut block);
    (!turn.breaks).then_some((block, turn))
}

impl Turn<'_> {
    fn is_of_this_loop(&self, jump: Option<&Lifetime>) -> bool {
        match jump {
            None => self.inner == 0,
            Some(label) => self.loop_label.as_ref().is_some_and(|own| own.ident == label.ident),
        }
    }

    fn inside(&mut self, walk: impl FnOnce(&mut Self)) {
        self.inner += 1;
        walk(self);
        self.inner -= 1;
    }
}

impl VisitMut for Turn<'_> {
    fn visit_expr_mut(&mut self, expr: &mut Expr) {
        match expr {
            Expr::Break(jump) if self.is_of_this_loop(jump.label.as_ref()) => self.breaks = true,
            Expr::Continue(jump) if self.is_of_this_loop(jump.label.as_ref()) => {
                self.continues = true;
                self.label_is_used |= jump.label.is_some();
                *expr = Expr::Break(ExprBreak {
                    attrs: Vec::new(),
                    break_token: Token![break](jump.continue_token.span),
                    label: Some(self.block_label.clone()),
                    expr: None,
                });
            }
            Expr::Loop(_) | Expr::While(_) => self.inside(|this| visit_mut::visit_expr_mut(this, expr)),
            // Code that syn leaves unparsed may contain a `break`.
            Expr::Verbatim(_) => self.breaks = true,
            _ => visit_mut::visit_expr_mut(self, expr),
        }
    }

    /// A `break` in the iterator expression of an inner loop leaves this loop, so only the body is visited inside.
    fn visit_expr_for_loop_mut(&mut self, turns: &mut ExprForLoop) {
        turns.label.iter_mut().for_each(|label| self.visit_label_mut(label));
        self.visit_expr_mut(&mut turns.expr);
        self.inside(|this| this.visit_block_mut(&mut turns.body));
    }

    /// Counts an inner label of the same name as a `break`, because its jumps look like those of this loop.
    fn visit_label_mut(&mut self, label: &mut Label) {
        self.breaks |= self.is_of_this_loop(Some(&label.name));
    }

    fn visit_macro_mut(&mut self, invocation: &mut Macro) {
        self.breaks |= macros::may_jump(invocation);
    }

    fn visit_pat_mut(&mut self, pat: &mut Pat) {
        if !matches!(pat, Pat::Macro(_)) {
            visit_mut::visit_pat_mut(self, pat);
        }
    }

    fn visit_item_mut(&mut self, _: &mut Item) {}
    fn visit_expr_closure_mut(&mut self, _: &mut ExprClosure) {}
    fn visit_expr_async_mut(&mut self, _: &mut ExprAsync) {}
    fn visit_expr_const_mut(&mut self, _: &mut ExprConst) {}
    fn visit_type_mut(&mut self, _: &mut Type) {}
}

#[test]
fn inner_label_of_the_same_name_may_break() {
    let label = Lifetime::new("'turn", proc_macro2::Span::call_site());
    assert!(
        of(
            &syn::parse_quote!('a: for x in xs {
                'a: loop {
                    continue 'a;
                }
            }),
            &label
        )
        .is_none()
    );
    assert!(
        of(
            &syn::parse_quote!('a: for x in xs {
                'b: loop {
                    continue 'b;
                }
            }),
            &label
        )
        .is_some()
    );
}
