//! Expands `every = n`: a check at the first turn of a loop, and again after every n turns.
//!
//! A `for` loop becomes two loops: the outer loop checks, the inner loop runs n turns. The inner loop tests the count and the
//! iterator after its body, so the compiler can vectorise it.
//!
//! A `for` loop with a `break` stays one loop, because the `break` would have to leave two. It counts its turns, as do `while`
//! and `loop`.

use proc_macro2::{Literal, Span, TokenStream};
use quote::{ToTokens, quote_spanned};
use syn::spanned::Spanned;
use syn::visit_mut;
use syn::{AttrStyle, Attribute, Expr, ExprForLoop, Lifetime};

use super::insert::{Inserter, loop_parts};
use super::turn;
use crate::syntax::insert_first;

pub(super) fn check_every(turns: u32, check: TokenStream, expr: &mut Expr, inserter: &mut Inserter) {
    let turns = Literal::u32_suffixed(turns);
    if let Expr::ForLoop(whole) = expr {
        let label = Lifetime::new(&format!("'turn{}", inserter.labels), Span::mixed_site());
        let is_outer = |attribute: &Attribute| matches!(attribute.style, AttrStyle::Outer);
        if let (true, Some((block, turn))) = (whole.attrs.iter().all(is_outer), turn::of(whole, &label)) {
            inserter.labels += usize::from(turn.continues);
            whole.body = block;
            visit_mut::visit_expr_for_loop_mut(inserter, whole);
            if turn.label_is_used {
                whole.label = None;
            }
            *expr = Expr::Verbatim(batches(turns, check, whole, turn.continues.then_some(label)));
            return;
        }
    }
    visit_mut::visit_expr_mut(inserter, expr);
    *expr = Expr::Verbatim(counted(turns, check, expr));
}

/// As in the compiler's expansion of `for`, the outer `match` keeps the iterator's temporaries alive, and the inner `match` keeps
/// the item alive until the body ends. The iterator is fused, because the outer loop calls `next` again after the end. All
/// calls have one span, so a type that is no iterator gives one error. The names have underscores, because hygiene does not
/// protect a variable from a constant of the same name.
fn batches(
    turns: Literal,
    check: TokenStream,
    whole: &ExprForLoop,
    turn_label: Option<Lifetime>,
) -> TokenStream {
    let ExprForLoop { attrs, label, for_token, pat, expr, body, .. } = whole;
    let site = Span::mixed_site().located_at(for_token.span);
    let turn_label = turn_label.map(|label| quote_spanned!(site=> #label:));
    let over = Span::mixed_site().located_at(expr.span());
    let items =
        quote_spanned!(over=> ::core::iter::Iterator::fuse(::core::iter::IntoIterator::into_iter(__over)));
    let next = quote_spanned!(over=> ::core::iter::Iterator::next(&mut __items));
    let over = quote_spanned!(over=> __over);
    quote_spanned!(site=> {
        #(#attrs)*
        match #expr {
            #over => match #items {
                mut __items => #label while let ::core::option::Option::Some(mut __item) = #next {
                    #check
                    let mut __left = #turns;
                    loop {
                        #turn_label { match { __item } { #pat => #body } }
                        #[allow(unreachable_code)]
                        {
                            __left -= 1;
                            if __left == 0 {
                                break;
                            }
                            __item = match #next {
                                ::core::option::Option::Some(__item) => __item,
                                ::core::option::Option::None => break,
                            };
                        }
                    }
                }
            },
        };
    })
}

fn counted(turns: Literal, check: TokenStream, expr: &mut Expr) -> TokenStream {
    let Some((_, at, body)) = loop_parts(expr) else { return expr.to_token_stream() };
    let site = Span::mixed_site().located_at(at);
    let head = quote_spanned!(site=>
        if __left == 0 {
            #check
            __left = #turns;
        }
        __left -= 1;
    );
    insert_first(body, head);
    quote_spanned!(site=> {
        let mut __left = 0u32;
        #expr
    })
}
