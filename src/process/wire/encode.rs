//! Encodes a value in postcard's format. Postcard encodes the scalars only: it does not detect a field that is left
//! out.

use postcard::ser_flavors::Flavor;
use serde::de::value::Error;
use serde::ser::{self, Error as _, Serialize, Serializer};

use super::Sender;

struct Buffer<'a, 'b>(&'a mut Sender<'b>);

impl Flavor for Buffer<'_, '_> {
    type Output = ();

    #[inline]
    fn try_push(&mut self, byte: u8) -> postcard::Result<()> {
        self.0.push(byte).map_err(|_| postcard::Error::SerializeBufferFull)
    }

    #[inline]
    fn try_extend(&mut self, bytes: &[u8]) -> postcard::Result<()> {
        self.0.extend(bytes).map_err(|_| postcard::Error::SerializeBufferFull)
    }

    fn finalize(self) -> postcard::Result<()> {
        Ok(())
    }
}

impl Sender<'_> {
    #[inline]
    fn scalar<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Error> {
        postcard::serialize_with_flavor(value, Buffer(self)).map_err(Error::custom)
    }

    fn length(&mut self, length: Option<usize>) -> Result<(), Error> {
        const UNKNOWN: &str =
            "its length is unknown, as with serde's `flatten`: return another type, or a `String` of JSON";
        self.scalar(&length.ok_or_else(|| Error::custom(UNKNOWN))?)
    }
}

macro_rules! scalars {
    ($($serialize:ident: $type:ty;)*) => {$(
        #[inline]
        fn $serialize(self, value: $type) -> Result<(), Error> {
            self.scalar(&value)
        }
    )*};
}

/// Starts a compound value with its length or its variant, if it has one.
macro_rules! compounds {
    ($($serialize:ident($($argument:tt: $type:ty),*) |$s:ident| => $begin:expr;)*) => {$(
        fn $serialize(self, $($argument: $type),*) -> Result<Self, Error> {
            let $s = &mut *self;
            $begin?;
            Ok(self)
        }
    )*};
}

impl Serializer for &mut Sender<'_> {
    type Ok = ();
    type Error = Error;
    type SerializeSeq = Self;
    type SerializeTuple = Self;
    type SerializeTupleStruct = Self;
    type SerializeTupleVariant = Self;
    type SerializeMap = Self;
    type SerializeStruct = Self;
    type SerializeStructVariant = Self;

    scalars! {
        serialize_bool: bool;
        serialize_i8: i8;
        serialize_i16: i16;
        serialize_i32: i32;
        serialize_i64: i64;
        serialize_i128: i128;
        serialize_u8: u8;
        serialize_u16: u16;
        serialize_u32: u32;
        serialize_u64: u64;
        serialize_u128: u128;
        serialize_f32: f32;
        serialize_f64: f64;
        serialize_char: char;
        serialize_str: &str;
    }

    fn serialize_bytes(self, bytes: &[u8]) -> Result<(), Error> {
        self.length(Some(bytes.len()))?;
        self.extend(bytes).map_err(Error::custom)
    }

    fn serialize_none(self) -> Result<(), Error> {
        self.scalar(&false)
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), Error> {
        self.scalar(&true)?;
        value.serialize(self)
    }

    fn serialize_unit(self) -> Result<(), Error> {
        Ok(())
    }

    fn serialize_unit_struct(self, _: &'static str) -> Result<(), Error> {
        Ok(())
    }

    fn serialize_unit_variant(self, _: &'static str, index: u32, _: &'static str) -> Result<(), Error> {
        self.scalar(&index)
    }

    #[inline]
    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        value: &T,
    ) -> Result<(), Error> {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        index: u32,
        _: &'static str,
        value: &T,
    ) -> Result<(), Error> {
        self.scalar(&index)?;
        value.serialize(self)
    }

    compounds! {
        serialize_seq(length: Option<usize>) |s| => s.length(length);
        serialize_map(length: Option<usize>) |s| => s.length(length);
        serialize_tuple(_: usize) |_s| => Ok(());
        serialize_tuple_struct(_: &'static str, _: usize) |_s| => Ok(());
        serialize_struct(_: &'static str, _: usize) |_s| => Ok(());
        serialize_tuple_variant(_: &'static str, index: u32, _: &'static str, _: usize) |s| => s.scalar(&index);
        serialize_struct_variant(_: &'static str, index: u32, _: &'static str, _: usize) |s| => s.scalar(&index);
    }

    fn is_human_readable(&self) -> bool {
        false
    }
}

macro_rules! compound_traits {
    ($($compound:ident { $($serialize:ident($($name:tt)?))* } $($skip:ident)?;)*) => {$(
        impl ser::$compound for &mut Sender<'_> {
            type Ok = ();
            type Error = Error;

            $(#[inline]
            fn $serialize<T: Serialize + ?Sized>(
                &mut self,
                $($name: &'static str,)?
                value: &T,
            ) -> Result<(), Error> {
                value.serialize(&mut **self)
            })*

            $(fn $skip(&mut self, name: &'static str) -> Result<(), Error> {
                Err(Error::custom(format_args!(
                    "it leaves out the field `{name}`, but the format stores no field names: return a type that \
                     leaves none out"
                )))
            })?

            fn end(self) -> Result<(), Error> {
                Ok(())
            }
        }
    )*};
}

compound_traits! {
    SerializeSeq { serialize_element() };
    SerializeTuple { serialize_element() };
    SerializeTupleStruct { serialize_field() };
    SerializeTupleVariant { serialize_field() };
    SerializeMap { serialize_key() serialize_value() };
    SerializeStruct { serialize_field(_) } skip_field;
    SerializeStructVariant { serialize_field(_) } skip_field;
}
