use proc_macro2::{Ident, TokenStream, TokenTree};
use syn::{Block, Error, Expr, Stmt};

pub(crate) fn is_one_of(ident: &Ident, names: &str) -> bool {
    names.split(' ').any(|name| ident == name)
}

pub(crate) fn mentions(tokens: TokenStream, is_such: fn(&Ident) -> bool) -> bool {
    tokens.into_iter().any(|token| match token {
        TokenTree::Ident(ident) => is_such(&ident),
        TokenTree::Group(group) => mentions(group.stream(), is_such),
        _ => false,
    })
}

/// Returns the expression in the invisible groups that a fragment of `macro_rules!`, such as `$limit:literal`, adds.
pub(crate) fn ungrouped(expr: Expr) -> Expr {
    match expr {
        Expr::Group(group) => ungrouped(*group.expr),
        expr => expr,
    }
}

/// Inserts a statement at the top of a block, after its leading items (`clippy::items_after_statements`).
pub(crate) fn insert_first(block: &mut Block, statement: TokenStream) {
    let items = block.stmts.iter().take_while(|statement| matches!(statement, Stmt::Item(_))).count();
    block.stmts.insert(items, Stmt::Expr(Expr::Verbatim(statement), None));
}

pub(crate) fn add(errors: &mut Option<Error>, e: Error) {
    match errors {
        Some(errors) => errors.combine(e),
        None => *errors = Some(e),
    }
}
