//! One turn of a `for` loop, made into a block that can stand in another loop.

use syn::visit_mut::{self, VisitMut};
use syn::{
    Block, Expr, ExprAsync, ExprBreak, ExprClosure, ExprConst, ExprForLoop, Item, Label, Lifetime, Macro,
    Pat, Token, Type,
};

use super::macros;

/// The body of `turns` with each `continue` of that loop as a `break` out of `label`, and whether there is one;
/// or `None` if something in it leaves the loop, or might: then the loop has to stay what it is.
pub(super) fn of(turns: &ExprForLoop, label: &Lifetime) -> Option<(Block, bool)> {
    let mut body = turns.body.clone();
    let mut turn = Turn {
        name: turns.label.as_ref().map(|label| &label.name),
        label,
        inner: 0,
        continues: false,
        leaves: false,
    };
    turn.visit_block_mut(&mut body);
    (!turn.leaves).then_some((body, turn.continues))
}

struct Turn<'a> {
    /// What the loop is called.
    name: Option<&'a Lifetime>,
    /// What its turn shall be called.
    label: &'a Lifetime,
    /// How many loops inside it we are in: a jump without a label is theirs.
    inner: usize,
    continues: bool,
    leaves: bool,
}

impl Turn<'_> {
    fn is_ours(&self, jump: Option<&Lifetime>) -> bool {
        match jump {
            None => self.inner == 0,
            Some(name) => self.name.is_some_and(|ours| ours.ident == name.ident),
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
            Expr::Break(jump) if self.is_ours(jump.label.as_ref()) => self.leaves = true,
            Expr::Continue(jump) if self.is_ours(jump.label.as_ref()) => {
                self.continues = true;
                *expr = Expr::Break(ExprBreak {
                    attrs: Vec::new(),
                    break_token: Token![break](jump.continue_token.span),
                    label: Some(self.label.clone()),
                    expr: None,
                });
            }
            Expr::Loop(_) | Expr::While(_) => self.inside(|this| visit_mut::visit_expr_mut(this, expr)),
            // What this version of syn has no name for.
            Expr::Verbatim(_) => self.leaves = true,
            _ => visit_mut::visit_expr_mut(self, expr),
        }
    }

    /// What an inner loop runs over is evaluated before that loop begins, in ours.
    fn visit_expr_for_loop_mut(&mut self, turns: &mut ExprForLoop) {
        turns.label.iter_mut().for_each(|label| self.visit_label_mut(label));
        self.visit_expr_mut(&mut turns.expr);
        self.inside(|this| this.visit_block_mut(&mut turns.body));
    }

    /// A label that hides ours would make us take its jumps for our own.
    fn visit_label_mut(&mut self, label: &mut Label) {
        self.leaves |= self.is_ours(Some(&label.name));
    }

    fn visit_macro_mut(&mut self, invocation: &mut Macro) {
        self.leaves |= macros::may_jump(invocation);
    }

    /// For the guards.
    fn visit_pat_mut(&mut self, pat: &mut Pat) {
        if !matches!(pat, Pat::Macro(_)) {
            visit_mut::visit_pat_mut(self, pat);
        }
    }

    // No jump comes out of these.
    fn visit_item_mut(&mut self, _: &mut Item) {}
    fn visit_expr_closure_mut(&mut self, _: &mut ExprClosure) {}
    fn visit_expr_async_mut(&mut self, _: &mut ExprAsync) {}
    fn visit_expr_const_mut(&mut self, _: &mut ExprConst) {}
    fn visit_type_mut(&mut self, _: &mut Type) {}
}
