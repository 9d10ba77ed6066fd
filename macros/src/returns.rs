//! Decides whether a return type can hold a `TimedOut`, by the type's name.

use proc_macro2::TokenStream;
use quote::ToTokens;
use syn::{Error, GenericArgument, Path, PathArguments, ReturnType, Signature, Type};

use crate::syntax::{is_one_of, mentions};

pub(crate) enum Returns {
    Result,
    Perhaps,
    No(Refusal),
}

pub(crate) struct Refusal {
    at: TokenStream,
    reason: String,
}

impl Refusal {
    pub(crate) fn advise(self, advice: &str) -> Error {
        Error::new_spanned(self.at, format!("{}: {advice}", self.reason))
    }
}

fn no(at: impl ToTokens, reason: impl Into<String>) -> Returns {
    Returns::No(Refusal { at: at.to_token_stream(), reason: reason.into() })
}

pub(crate) fn future(signature: &Signature) -> Option<&Type> {
    match &signature.output {
        ReturnType::Type(_, ty)
            if mentions(ty.to_token_stream(), |name| is_one_of(name, "Future BoxFuture LocalBoxFuture")) =>
        {
            Some(ty)
        }
        _ => None,
    }
}

pub(crate) fn of(signature: &Signature) -> Returns {
    match &signature.output {
        ReturnType::Default => {
            let name = &signature.ident;
            no(name, format!("`{name}` returns nothing, so it cannot return a `TimedOut`"))
        }
        ReturnType::Type(_, ty) => of_type(ty),
    }
}

fn of_type(ty: &Type) -> Returns {
    let path = match ty {
        Type::Group(group) => return of_type(&group.elem),
        Type::Paren(paren) => return of_type(&paren.elem),
        Type::Path(path) if path.qself.is_none() => &path.path,
        Type::Path(_) | Type::Macro(_) | Type::Verbatim(_) => return Returns::Perhaps,
        _ => return cannot_hold(ty),
    };
    let Some(last) = path.segments.last() else { return Returns::Perhaps };
    if last.ident == "Result" {
        if is_of_fmt(path) {
            return no(ty, "there is no `From<TimedOut>` for `fmt::Error`, and none can be written");
        }
        return match error_type(path) {
            Some(error) if is_foreign(error) => {
                no(error, "there is no `From<TimedOut>` for this error type, and none can be written")
            }
            _ => Returns::Result,
        };
    }
    if is_plain(path) || is_one_of(&last.ident, "Option Vec String Box Rc Arc ControlFlow") {
        return cannot_hold(ty);
    }
    Returns::Perhaps
}

fn cannot_hold(ty: &Type) -> Returns {
    no(ty, "this return type cannot hold a `TimedOut`")
}

fn error_type(path: &Path) -> Option<&Type> {
    let PathArguments::AngleBracketed(arguments) = &path.segments.last()?.arguments else { return None };
    let types = arguments.args.iter().filter_map(|argument| match argument {
        GenericArgument::Type(ty) => Some(ty),
        _ => None,
    });
    types.skip(1).last()
}

/// Returns whether users cannot implement `From<TimedOut>` for this error type.
fn is_foreign(error: &Type) -> bool {
    match error {
        Type::Group(group) => is_foreign(&group.elem),
        Type::Paren(paren) => is_foreign(&paren.elem),
        Type::Reference(reference) => is_foreign(&reference.elem),
        Type::Array(_) | Type::FnPtr(_) | Type::Never(_) | Type::Ptr(_) => true,
        Type::Slice(_) | Type::Tuple(_) => true,
        Type::Path(path) if path.qself.is_none() => {
            let foreign = "FromUtf8Error Infallible ParseBoolError ParseCharError ParseFloatError ParseIntError \
                           String TryFromIntError Utf8Error";
            let segments = &path.path.segments;
            is_plain(&path.path)
                || segments.last().is_some_and(|last| is_one_of(&last.ident, foreign))
                || is_of_fmt(&path.path)
        }
        _ => false,
    }
}

/// Returns whether a path is `fmt::Error` or `fmt::Result`, perhaps below `std` or `core`.
fn is_of_fmt(path: &Path) -> bool {
    let names: Vec<_> = path.segments.iter().map(|segment| &segment.ident).collect();
    match &names[..] {
        [crates @ .., fmt, last] => {
            *fmt == "fmt"
                && is_one_of(last, "Error Result")
                && crates.iter().all(|name| is_one_of(name, "std core"))
        }
        _ => false,
    }
}

fn is_plain(path: &Path) -> bool {
    let plain = "bool char f32 f64 i8 i16 i32 i64 i128 isize str u8 u16 u32 u64 u128 usize";
    path.get_ident().is_some_and(|ident| is_one_of(ident, plain))
}
