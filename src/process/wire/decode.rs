//! Decodes a value from an untrusted child. Only scalars are left to postcard, because postcard limits neither the
//! nesting nor the number of elements that take no bytes.

use serde::Deserialize;
use serde::de::{
    DeserializeOwned, DeserializeSeed, Deserializer, EnumAccess, Error as _, IntoDeserializer, MapAccess,
    SeqAccess, VariantAccess, Visitor,
    value::{Error, U32Deserializer},
};

use crate::process::JobError;

/// The most elements that take no bytes, as in a `Vec<()>`. A few hostile bytes can claim 2^64 of them, and decoding
/// would not end.
const EMPTY_ELEMENTS: usize = 1 << 16;

pub(in crate::process) fn decode<T: DeserializeOwned>(bytes: &[u8], depth: usize) -> Result<T, JobError> {
    let not_decoded = |message: String| JobError::NotDecoded { message: message.into() };
    let mut decoder = Decoder { bytes, depth_left: depth, is_too_deep: false, empty_left: EMPTY_ELEMENTS };
    let value = T::deserialize(&mut decoder).map_err(|e| match decoder.is_too_deep {
        true => JobError::TooDeep { limit: depth },
        false => not_decoded(e.to_string()),
    })?;
    match decoder.bytes.len() {
        0 => Ok(value),
        rest => Err(not_decoded(format!("{rest} bytes follow the value"))),
    }
}

struct Decoder<'de> {
    bytes: &'de [u8],
    depth_left: usize,
    is_too_deep: bool,
    empty_left: usize,
}

impl<'de> Decoder<'de> {
    #[inline]
    fn scalar<T: Deserialize<'de>>(&mut self) -> Result<T, Error> {
        let (value, rest) = postcard::take_from_bytes(self.bytes).map_err(Error::custom)?;
        self.bytes = rest;
        Ok(value)
    }

    #[inline]
    fn nested<R>(&mut self, decode: impl FnOnce(&mut Self) -> Result<R, Error>) -> Result<R, Error> {
        if self.depth_left == 0 {
            self.is_too_deep = true;
            return Err(Error::custom("nested too deeply"));
        }
        self.depth_left -= 1;
        let result = decode(self);
        self.depth_left += 1;
        result
    }

    fn fields<V: Visitor<'de>>(&mut self, left: usize, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_seq(Elements { decoder: self, left, is_length_claimed: false })
    }

    fn elements(&mut self) -> Result<Elements<'_, 'de>, Error> {
        let length = self.scalar::<u64>()?;
        let left =
            length.try_into().map_err(|_| Error::custom(format!("the length {length} is too large")))?;
        Ok(Elements { decoder: self, left, is_length_claimed: true })
    }
}

macro_rules! scalars {
    ($($deserialize:ident($type:ty => $visit:ident))*) => {$(
        #[inline]
        fn $deserialize<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
            visitor.$visit(self.scalar::<$type>()?)
        }
    )*};
}

macro_rules! values {
    ($($deserialize:ident($($argument:tt: $type:ty),*) |$d:ident, $visitor:ident| $value:expr;)*) => {$(
        fn $deserialize<V: Visitor<'de>>(self, $($argument: $type,)* $visitor: V) -> Result<V::Value, Error> {
            let $d = self;
            $value
        }
    )*};
}

const UNKNOWN_TYPE: &str = "the type needs a self-describing format (`serde_json::Value`, or serde's `untagged`, `tag` or \
    `flatten`): return another type, or a `String` of JSON";

type Name = &'static str;
type Names = &'static [Name];

impl<'de> Deserializer<'de> for &mut Decoder<'de> {
    type Error = Error;

    scalars! {
        deserialize_bool(bool => visit_bool) deserialize_char(char => visit_char)
        deserialize_i8(i8 => visit_i8) deserialize_i16(i16 => visit_i16) deserialize_i32(i32 => visit_i32)
        deserialize_i64(i64 => visit_i64) deserialize_i128(i128 => visit_i128)
        deserialize_u8(u8 => visit_u8) deserialize_u16(u16 => visit_u16) deserialize_u32(u32 => visit_u32)
        deserialize_u64(u64 => visit_u64) deserialize_u128(u128 => visit_u128)
        deserialize_f32(f32 => visit_f32) deserialize_f64(f64 => visit_f64)
        deserialize_str(&'de str => visit_borrowed_str) deserialize_string(&'de str => visit_borrowed_str)
        deserialize_bytes(&'de [u8] => visit_borrowed_bytes) deserialize_byte_buf(&'de [u8] => visit_borrowed_bytes)
    }

    values! {
        deserialize_option() |d, visitor| match d.scalar::<bool>()? {
            true => d.nested(|d| visitor.visit_some(d)),
            false => visitor.visit_none(),
        };
        deserialize_unit() |_d, visitor| visitor.visit_unit();
        deserialize_unit_struct(_: Name) |_d, visitor| visitor.visit_unit();
        deserialize_newtype_struct(_: Name) |d, visitor| d.nested(|d| visitor.visit_newtype_struct(d));
        deserialize_seq() |d, visitor| d.nested(|d| visitor.visit_seq(d.elements()?));
        deserialize_map() |d, visitor| d.nested(|d| visitor.visit_map(d.elements()?));
        deserialize_tuple(left: usize) |d, visitor| d.nested(|d| d.fields(left, visitor));
        deserialize_tuple_struct(_: Name, left: usize) |d, visitor| d.nested(|d| d.fields(left, visitor));
        deserialize_struct(_: Name, fields: Names) |d, visitor| d.nested(|d| d.fields(fields.len(), visitor));
        deserialize_enum(_: Name, _: Names) |d, visitor| d.nested(|d| visitor.visit_enum(d));
        deserialize_any() |_d, _v| Err(Error::custom(UNKNOWN_TYPE));
        deserialize_identifier() |_d, _v| Err(Error::custom(UNKNOWN_TYPE));
        deserialize_ignored_any() |_d, _v| Err(Error::custom(UNKNOWN_TYPE));
    }

    fn is_human_readable(&self) -> bool {
        false
    }
}

struct Elements<'a, 'de> {
    decoder: &'a mut Decoder<'de>,
    left: usize,
    /// Whether `left` is a length from the (perhaps hostile) input. Otherwise the type determines it.
    is_length_claimed: bool,
}

impl<'de> SeqAccess<'de> for Elements<'_, 'de> {
    type Error = Error;

    #[inline]
    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Error> {
        let Some(left) = self.left.checked_sub(1) else { return Ok(None) };
        self.left = left;
        let before = self.decoder.bytes.len();
        let element = seed.deserialize(&mut *self.decoder)?;
        if self.is_length_claimed && self.decoder.bytes.len() == before {
            self.decoder.empty_left = self.decoder.empty_left.checked_sub(1).ok_or_else(|| {
                Error::custom(format!("more than {EMPTY_ELEMENTS} elements that take no bytes"))
            })?;
        }
        Ok(Some(element))
    }

    fn size_hint(&self) -> Option<usize> {
        Some(if self.is_length_claimed { self.left.min(self.decoder.bytes.len()) } else { self.left })
    }
}

impl<'de> MapAccess<'de> for Elements<'_, 'de> {
    type Error = Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Error> {
        self.next_element_seed(seed)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Error> {
        seed.deserialize(&mut *self.decoder)
    }

    fn size_hint(&self) -> Option<usize> {
        SeqAccess::size_hint(self)
    }
}

impl<'de> EnumAccess<'de> for &mut Decoder<'de> {
    type Error = Error;
    type Variant = Self;

    fn variant_seed<V: DeserializeSeed<'de>>(self, seed: V) -> Result<(V::Value, Self), Error> {
        let index: U32Deserializer<Error> = self.scalar::<u32>()?.into_deserializer();
        Ok((seed.deserialize(index)?, self))
    }
}

impl<'de> VariantAccess<'de> for &mut Decoder<'de> {
    type Error = Error;

    fn unit_variant(self) -> Result<(), Error> {
        Ok(())
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, Error> {
        seed.deserialize(self)
    }

    fn tuple_variant<V: Visitor<'de>>(self, left: usize, visitor: V) -> Result<V::Value, Error> {
        self.fields(left, visitor)
    }

    fn struct_variant<V: Visitor<'de>>(self, fields: Names, visitor: V) -> Result<V::Value, Error> {
        self.fields(fields.len(), visitor)
    }
}
