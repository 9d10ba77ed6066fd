//! Encodes a value in postcard's format. Only scalars are left to postcard, because postcard lets a struct skip a field
//! (`skip_serializing_if`), and the parent could not decode such a struct.

use postcard::ser_flavors::Flavor;
use serde::de::value::Error;
use serde::ser::{self, Error as _, Serialize, Serializer};

use super::Sender;

impl Flavor for &mut Sender<'_> {
    type Output = ();

    #[inline]
    fn try_push(&mut self, byte: u8) -> postcard::Result<()> {
        self.extend(&[byte]).map_err(|_| postcard::Error::SerializeBufferFull)
    }

    #[inline]
    fn try_extend(&mut self, bytes: &[u8]) -> postcard::Result<()> {
        self.extend(bytes).map_err(|_| postcard::Error::SerializeBufferFull)
    }

    fn finalize(self) -> postcard::Result<()> {
        Ok(())
    }
}

impl Sender<'_> {
    #[inline]
    fn scalar<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Error> {
        postcard::serialize_with_flavor(value, self).map_err(Error::custom)
    }

    fn length(&mut self, length: Option<usize>) -> Result<(), Error> {
        const UNKNOWN: &str =
            "its length is unknown, as with serde's `flatten`: return another type, or a `String` of JSON";
        self.scalar(&length.ok_or_else(|| Error::custom(UNKNOWN))?)
    }
}

macro_rules! scalars {
    ($($serialize:ident($type:ty))*) => {$(
        #[inline]
        fn $serialize(self, value: $type) -> Result<(), Error> {
            self.scalar(&value)
        }
    )*};
}

macro_rules! values {
    ($($serialize:ident($($argument:tt: $type:ty),*) |$s:ident| $begin:expr;)*) => {$(
        fn $serialize(self, $($argument: $type),*) -> Result<(), Error> {
            let $s = self;
            $begin
        }
    )*};
    ($($serialize:ident<T>($($argument:tt: $type:ty),*) |$s:ident| $begin:expr;)*) => {$(
        #[inline]
        fn $serialize<T: Serialize + ?Sized>(self, $($argument: $type,)* value: &T) -> Result<(), Error> {
            let $s = &mut *self;
            $begin?;
            value.serialize(self)
        }
    )*};
    ($($serialize:ident[$($argument:tt: $type:ty),*] |$s:ident| $begin:expr;)*) => {$(
        fn $serialize(self, $($argument: $type),*) -> Result<Self, Error> {
            let $s = &mut *self;
            $begin?;
            Ok(self)
        }
    )*};
}

type Name = &'static str;

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
        serialize_bool(bool) serialize_char(char) serialize_str(&str) serialize_f32(f32) serialize_f64(f64)
        serialize_i8(i8) serialize_i16(i16) serialize_i32(i32) serialize_i64(i64) serialize_i128(i128)
        serialize_u8(u8) serialize_u16(u16) serialize_u32(u32) serialize_u64(u64) serialize_u128(u128)
    }

    values! {
        serialize_bytes(bytes: &[u8]) |s| s.length(Some(bytes.len())).and_then(|()| s.extend(bytes).map_err(Error::custom));
        serialize_none() |s| s.scalar(&false);
        serialize_unit() |_s| Ok(());
        serialize_unit_struct(_: Name) |_s| Ok(());
        serialize_unit_variant(_: Name, index: u32, _: Name) |s| s.scalar(&index);
    }

    values! {
        serialize_some<T>() |s| s.scalar(&true);
        serialize_newtype_struct<T>(_: Name) |_s| Ok::<_, Error>(());
        serialize_newtype_variant<T>(_: Name, index: u32, _: Name) |s| s.scalar(&index);
    }

    values! {
        serialize_seq[length: Option<usize>] |s| s.length(length);
        serialize_map[length: Option<usize>] |s| s.length(length);
        serialize_tuple[_: usize] |_s| Ok::<_, Error>(());
        serialize_tuple_struct[_: Name, _: usize] |_s| Ok::<_, Error>(());
        serialize_struct[_: Name, _: usize] |_s| Ok::<_, Error>(());
        serialize_tuple_variant[_: Name, index: u32, _: Name, _: usize] |s| s.scalar(&index);
        serialize_struct_variant[_: Name, index: u32, _: Name, _: usize] |s| s.scalar(&index);
    }

    fn is_human_readable(&self) -> bool {
        false
    }
}

macro_rules! compounds {
    ($($compound:ident { $($serialize:ident($($name:tt)?))* } $($skip:ident)?;)*) => {$(
        impl ser::$compound for &mut Sender<'_> {
            type Ok = ();
            type Error = Error;

            $(#[inline]
            fn $serialize<T: Serialize + ?Sized>(&mut self, $($name: Name,)? value: &T) -> Result<(), Error> {
                value.serialize(&mut **self)
            })*

            $(fn $skip(&mut self, name: Name) -> Result<(), Error> {
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

compounds! {
    SerializeSeq { serialize_element() };
    SerializeTuple { serialize_element() };
    SerializeTupleStruct { serialize_field() };
    SerializeTupleVariant { serialize_field() };
    SerializeMap { serialize_key() serialize_value() };
    SerializeStruct { serialize_field(_) } skip_field;
    SerializeStructVariant { serialize_field(_) } skip_field;
}
