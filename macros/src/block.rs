//! Inserts statements into blocks.

use proc_macro2::TokenStream;
use syn::{Block, Expr, Stmt};

/// Inserts a statement at the top of a block, after its leading items (`clippy::items_after_statements`).
pub(crate) fn insert_first(block: &mut Block, statement: TokenStream) {
    let items = block.stmts.iter().take_while(|statement| matches!(statement, Stmt::Item(_))).count();
    // Verbatim: the visitor of the body does not visit it.
    block.stmts.insert(items, Stmt::Expr(Expr::Verbatim(statement), None));
}
