//! `every = …`: loops that are checked at their first turn and then at every n-th.
//!
//! For a body of a nanosecond the two instructions of a check are no longer nothing, and its branch keeps the
//! compiler from working on several turns at once. Two ways lead out of that.
//!
//! - **Counting.** A number counts down to the next check. The loop stays what it is, `break`, `continue` and
//!   labels mean what they meant, and what it saves is little: there is still a branch in each turn.
//! - **Batches.** An inner loop takes n turns and has no check; an outer one has the check and starts the next
//!   batch. The inner loop ends when the count or the iterator does, both tests stand side by side *behind*
//!   the body, and the compiler makes one countable loop of it, which it can unroll and vectorise as it would
//!   the loop without checks.
//!
//! Batches are for `for` loops, where one can see all that makes a turn. They need the iterator's `next` at
//! two places, so a loop whose body leaves it by `break` is counted: out of a batch the same `break` would
//! have to leave two loops, and one that a macro hides could not be helped. (Such a loop is hardly ever
//! vectorised anyway.)
//!
//! Each loop begins with a check, so that nested strides do not multiply: between two checks lie at most n
//! turns, whatever the loops around do.

use proc_macro2::{Literal, Span, TokenStream};
use quote::{ToTokens, quote_spanned};
use syn::visit_mut;
use syn::{AttrStyle, Expr, ExprForLoop, Lifetime};

use super::insert::Inserter;
use super::turn;

/// Gives `expr`, a loop, a check at every n-th turn, and its insides what `inserter` has for them.
pub(super) fn check_every(turns: u32, check: TokenStream, expr: &mut Expr, inserter: &mut Inserter) {
    let turns = Literal::u32_suffixed(turns);
    if let Expr::ForLoop(whole) = expr {
        let label = Lifetime::new(&format!("'turn{}", inserter.labels), Span::mixed_site());
        let inner_attributes =
            whole.attrs.iter().any(|attribute| matches!(attribute.style, AttrStyle::Inner(_)));
        if let (false, Some((body, continues))) = (inner_attributes, turn::of(whole, &label)) {
            inserter.labels += usize::from(continues);
            whole.body = body;
            visit_mut::visit_expr_for_loop_mut(inserter, whole);
            *expr = Expr::Verbatim(batches(turns, check, whole, continues.then_some(label)));
            return;
        }
    }
    visit_mut::visit_expr_mut(inserter, expr);
    *expr = Expr::Verbatim(counted(turns, check, expr));
}

fn batches(turns: Literal, check: TokenStream, whole: &ExprForLoop, label: Option<Lifetime>) -> TokenStream {
    let ExprForLoop { attrs, for_token, pat, expr, body, .. } = whole;
    let site = Span::mixed_site().located_at(for_token.span);
    let label = label.map(|label| quote_spanned!(site=> #label:));
    // As the compiler itself spells a `for`, and for the same reasons: a `match` keeps what `expr` borrows from
    // for as long as the loop runs (the semicolon, and no longer); a `match` drops the item after the body
    // and what the pattern binds.
    //
    // Fused, for `next` is called once more behind the end. What follows the body is unreachable if the body
    // always returns, which is no business of the user's.
    quote_spanned!(site=> {
        #(#attrs)*
        match ::core::iter::Iterator::fuse(::core::iter::IntoIterator::into_iter(#expr)) {
            mut items => while let ::core::option::Option::Some(mut item) = ::core::iter::Iterator::next(&mut items) {
                #check
                let mut left = #turns;
                loop {
                    #label { match { item } { #pat => #body } }
                    #[allow(unreachable_code)]
                    {
                        left -= 1;
                        if left == 0 {
                            break;
                        }
                        item = match ::core::iter::Iterator::next(&mut items) {
                            ::core::option::Option::Some(item) => item,
                            ::core::option::Option::None => break,
                        };
                    }
                }
            }
        };
    })
}

fn counted(turns: Literal, check: TokenStream, expr: &mut Expr) -> TokenStream {
    let (at, body) = match expr {
        Expr::ForLoop(whole) => (whole.for_token.span, &mut whole.body),
        Expr::While(whole) => (whole.while_token.span, &mut whole.body),
        Expr::Loop(whole) => (whole.loop_token.span, &mut whole.body),
        other => return other.to_token_stream(),
    };
    let site = Span::mixed_site().located_at(at);
    let head = quote_spanned!(site=>
        if left == 0 {
            #check
            left = #turns;
        }
        left -= 1;
    );
    body.stmts.insert(0, syn::Stmt::Expr(Expr::Verbatim(head), None));
    quote_spanned!(site=> {
        let mut left = 0u32;
        #expr
    })
}
