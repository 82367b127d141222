// Row values: made of expressions or of a table's row, and asked whether their columns are NULL.
#include "data/record.h"
#include "expr/tables.h"

// Names and values, one behind the other.
static int make(struct evaluation *evaluation, const struct value *arguments, int argument_count, struct value *result)
{
  struct buffer out = buffer_for(evaluation);
  record_begin(&out, (uint32_t)argument_count / 2);
  for (int i = 0; i < argument_count; i += 2)
    record_add(&out, &(struct record_column){.type = evaluation->argument_types[i + 1] == TYPE_UNKNOWN
                                                         ? TYPE_TEXT
                                                         : evaluation->argument_types[i + 1],
                                             .name = bytes_of_value(&arguments[i]),
                                             .value = arguments[i + 1]});
  return result_from_buffer(evaluation, &out, result);
}

static int row(CALL)
{
  return make(evaluation, arguments, argument_count, result);
}

// The row of an outer join that found none is NULL.
static int whole_row(CALL)
{
  for (int i = 1; i < argument_count; i += 2)
    if (!arguments[i].is_null)
      return make(evaluation, arguments, argument_count, result);
  *result = value_null();
  return STATUS_OK;
}

// A text, or a literal whose value came late, as a row or an array of rows.
static int read_row(CALL)
{
  struct format_settings settings = *settings_of(evaluation);
  settings.types = evaluation->types;
  return value_from_text(type_plain(evaluation->result_type), bytes_of_value(&arguments[0]), &settings, evaluation->arena,
                         result, evaluation->error);
}

// Arguments: the record, and whether its columns are to be NULL, all of them.
static int columns_are_null(CALL)
{
  struct record_walk walk = {.record = &arguments[0]};
  struct record_column column;
  bool wanted = arguments[1].integer, are = true;
  if (arguments[0].is_null) {
    *result = value_boolean(wanted);
    return STATUS_OK;
  }
  while (record_next(&walk, &column))
    are &= column.value.is_null == wanted;
  *result = value_boolean(are);
  return STATUS_OK;
}

// Arguments: the record, and the column's number from 0.
static int column_of(CALL)
{
  struct record_walk walk = {.record = &arguments[0]};
  struct record_column column = {.value = value_null()};
  for (int64_t i = 0; i <= arguments[1].integer && record_next(&walk, &column); i++)
    ;
  *result = column.value;
  return STATUS_OK;
}

const struct function record_column_function = {"row_column", 0, ANY, 2, {TYPE_RECORD, INT4}, column_of, FUNCTION_PURE, false, false, true};
static int record_of_row(CALL)
{
  *result = arguments[0];
  return STATUS_OK;
}

const struct function record_of_row_function = TYPED("row", record_of_row, TYPE_RECORD, 1, TYPE_RECORD);
const struct function read_row_function = {"row_in", 0,     TYPE_RECORD, 1, {TEXT}, read_row, FUNCTION_STABLE,
                                           false,    false, true};
const struct function record_function = TYPED("row", row, TYPE_RECORD, -1, ANY);
const struct function whole_record_function = TYPED("row", whole_row, TYPE_RECORD, -1, ANY);
const struct function record_nulls_function = TYPED("row_nulls", columns_are_null, BOOLEAN, 2, TYPE_RECORD, BOOLEAN);
