//! Encodes a value in postcard's format. Postcard encodes the scalars only: it does not detect a field that is left
//! out.

use std::fmt::Display;

use postcard::ser_flavors::Flavor;
use serde::ser::{self, Serialize, Serializer};

use super::{SendError, Sender};

impl ser::Error for SendError {
    fn custom<T: Display>(message: T) -> SendError {
        SendError::NotEncoded(message.to_string())
    }
}

impl Display for SendError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            SendError::NotEncoded(message) => f.write_str(message),
            SendError::Pipe => f.write_str("the pipe is closed"),
        }
    }
}

impl std::error::Error for SendError {}

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
    fn scalar<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), SendError> {
        postcard::serialize_with_flavor(value, Buffer(self)).map_err(|_| SendError::Pipe)
    }

    fn length(&mut self, length: Option<usize>) -> Result<(), SendError> {
        const UNKNOWN: &str =
            "its length is unknown, as with serde's `flatten`: return another type, or a `String` of JSON";
        self.scalar(&length.ok_or_else(|| SendError::NotEncoded(UNKNOWN.to_owned()))?)
    }
}

macro_rules! scalars {
    ($($serialize:ident: $type:ty;)*) => {$(
        #[inline]
        fn $serialize(self, value: $type) -> Result<(), SendError> {
            self.scalar(&value)
        }
    )*};
}

/// Starts a compound value with its length or its variant, if it has one.
macro_rules! compounds {
    ($($serialize:ident($($argument:tt: $type:ty),*) |$s:ident| => $begin:expr;)*) => {$(
        fn $serialize(self, $($argument: $type),*) -> Result<Self, SendError> {
            let $s = &mut *self;
            $begin?;
            Ok(self)
        }
    )*};
}

impl Serializer for &mut Sender<'_> {
    type Ok = ();
    type Error = SendError;
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

    fn serialize_bytes(self, bytes: &[u8]) -> Result<(), SendError> {
        self.length(Some(bytes.len()))?;
        self.extend(bytes)
    }

    fn serialize_none(self) -> Result<(), SendError> {
        self.scalar(&false)
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), SendError> {
        self.scalar(&true)?;
        value.serialize(self)
    }

    fn serialize_unit(self) -> Result<(), SendError> {
        Ok(())
    }

    fn serialize_unit_struct(self, _: &'static str) -> Result<(), SendError> {
        Ok(())
    }

    fn serialize_unit_variant(self, _: &'static str, index: u32, _: &'static str) -> Result<(), SendError> {
        self.scalar(&index)
    }

    #[inline]
    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        value: &T,
    ) -> Result<(), SendError> {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        index: u32,
        _: &'static str,
        value: &T,
    ) -> Result<(), SendError> {
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

macro_rules! without_names {
    ($($compound:ident: $($serialize:ident),*;)*) => {$(
        impl ser::$compound for &mut Sender<'_> {
            type Ok = ();
            type Error = SendError;

            $(#[inline]
            fn $serialize<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), SendError> {
                value.serialize(&mut **self)
            })*

            fn end(self) -> Result<(), SendError> {
                Ok(())
            }
        }
    )*};
}

without_names! {
    SerializeSeq: serialize_element;
    SerializeTuple: serialize_element;
    SerializeTupleStruct: serialize_field;
    SerializeTupleVariant: serialize_field;
    SerializeMap: serialize_key, serialize_value;
}

macro_rules! with_names {
    ($($compound:ident)*) => {$(
        impl ser::$compound for &mut Sender<'_> {
            type Ok = ();
            type Error = SendError;

            #[inline]
            fn serialize_field<T: Serialize + ?Sized>(
                &mut self,
                _: &'static str,
                value: &T,
            ) -> Result<(), SendError> {
                value.serialize(&mut **self)
            }

            fn skip_field(&mut self, name: &'static str) -> Result<(), SendError> {
                let message = format!(
                    "it leaves out the field `{name}`, but the format stores no field names: return a type that \
                     leaves none out"
                );
                Err(SendError::NotEncoded(message))
            }

            fn end(self) -> Result<(), SendError> {
                Ok(())
            }
        }
    )*};
}

with_names! { SerializeStruct SerializeStructVariant }
