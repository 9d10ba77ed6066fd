//! Functions on syntax that both attributes use.

use proc_macro2::{Ident, TokenStream, TokenTree};
use syn::{Block, Error, Expr, Stmt};

/// Returns whether `names`, which spaces separate, contain `ident`.
pub(crate) fn is_one_of(ident: &Ident, names: &str) -> bool {
    names.split(' ').any(|name| ident == name)
}

/// Returns whether the tokens contain such an identifier, also within delimiters.
pub(crate) fn mentions(tokens: TokenStream, is_such: fn(&Ident) -> bool) -> bool {
    tokens.into_iter().any(|token| match token {
        TokenTree::Ident(ident) => is_such(&ident),
        TokenTree::Group(group) => mentions(group.stream(), is_such),
        _ => false,
    })
}

/// Inserts a statement at the top of a block, after its leading items (`clippy::items_after_statements`).
pub(crate) fn insert_first(block: &mut Block, statement: TokenStream) {
    let items = block.stmts.iter().take_while(|statement| matches!(statement, Stmt::Item(_))).count();
    // Verbatim: the visitor of the body does not visit it.
    block.stmts.insert(items, Stmt::Expr(Expr::Verbatim(statement), None));
}

pub(crate) fn add(errors: &mut Option<Error>, e: Error) {
    match errors {
        Some(errors) => errors.combine(e),
        None => *errors = Some(e),
    }
}
