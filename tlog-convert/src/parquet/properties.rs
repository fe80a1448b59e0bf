//! How each column is written.

use parquet::arrow::{ARROW_SCHEMA_META_KEY, encode_arrow_schema};
use parquet::basic::{Compression, Encoding, LogicalType, Type};
use parquet::file::metadata::KeyValue;
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::schema::types::{ColumnDescriptor, SchemaDescriptor};

use super::WIDE;
use crate::columns::Columns;

/// Pages are about so long before they are compressed, in bytes.
const PAGE_BYTES: usize = 1 << 20;

/// A page has at most so many rows, so that statistics of pages tell something.
const PAGE_ROWS: usize = 100_000;

/// Values longer than this are cut in statistics, in bytes.
const STATISTICS_BYTES: usize = 64;

/// The properties of files with these columns.
pub fn of(
    schema: &SchemaDescriptor,
    compression: Compression,
    columns: &Columns,
    metadata: Vec<(&str, String)>,
) -> WriterProperties {
    let arrow = (ARROW_SCHEMA_META_KEY, encode_arrow_schema(columns.schema()));
    let pairs = metadata.into_iter().chain([arrow]).map(|(key, value)| KeyValue::new(key.to_owned(), value)).collect();
    let is_wide = schema.num_columns() > WIDE;
    let mut properties = WriterProperties::builder()
        .set_created_by(concat!("tlog version ", env!("CARGO_PKG_VERSION")).to_owned())
        .set_key_value_metadata(Some(pairs))
        .set_compression(compression)
        .set_dictionary_enabled(false)
        .set_encoding(Encoding::PLAIN)
        .set_statistics_enabled(if is_wide { EnabledStatistics::None } else { EnabledStatistics::Page })
        .set_statistics_truncate_length(Some(STATISTICS_BYTES))
        .set_column_index_truncate_length(Some(STATISTICS_BYTES))
        .set_offset_index_disabled(is_wide)
        .set_data_page_size_limit(PAGE_BYTES)
        .set_data_page_row_count_limit(PAGE_ROWS);
    for (at, column) in schema.columns().iter().enumerate() {
        let path = column.path().clone();
        if is_wide {
            if at == 0 {
                properties = properties.set_column_statistics_enabled(path, EnabledStatistics::Chunk);
            }
            continue;
        }
        if column.max_rep_level() > 0 {
            properties = properties.set_column_statistics_enabled(path.clone(), EnabledStatistics::Chunk);
        }
        match column.physical_type() {
            Type::BYTE_ARRAY if is_text(column) => properties = properties.set_column_dictionary_enabled(path, true),
            // Nobody asks for a range of them, and the writer keeps copies of the least and the greatest: of images, say.
            Type::BYTE_ARRAY => properties = properties.set_column_statistics_enabled(path, EnabledStatistics::None),
            Type::INT32 | Type::INT64 if has_steps(column) => {
                properties = properties.set_column_encoding(path, Encoding::DELTA_BINARY_PACKED);
            }
            _ => {}
        }
    }
    properties.build()
}

fn is_text(column: &ColumnDescriptor) -> bool {
    matches!(column.logical_type_ref(), Some(LogicalType::String))
}

/// Whether it is likely that neighbours are near one another, and worth the work.
fn has_steps(column: &ColumnDescriptor) -> bool {
    match column.logical_type_ref() {
        Some(LogicalType::Integer(integer)) => integer.bit_width > 16,
        other => !matches!(other, Some(LogicalType::Unknown)),
    }
}
