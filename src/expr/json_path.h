// What the files of JSON functions share; for the room expr alone.
#pragma once

#include "data/array.h"
#include "data/jsonb.h"
#include "expr/tables.h"

// The steps of a path: names of members, or numbers of elements, as text.
struct json_path {
  int count;
  struct value *steps; // may be NULL
};

int json_path_from_array(struct evaluation *evaluation, const struct value *array, struct json_path *path);
// 2202E where the array has several dimensions.
int json_path_from_line(struct evaluation *evaluation, const struct value *array, struct json_path *path);
// A step as the number of an element of that many, from the end where negative. False: there is no such element.
bool json_path_index(const struct value *step, int64_t count, int64_t *index);
// The step as a number. False: it is none.
bool json_path_number(const struct value *step, int64_t *number);

// The contents of a string, the text of everything else. JSON null: NULL.
int jsonb_to_plain_text(struct evaluation *evaluation, struct jsonb item, struct value *result);
int json_to_plain_text(struct evaluation *evaluation, struct bytes value, struct value *result);
// The object's member of that name: of several the last. found->data is NULL where there is none.
int json_find_member(struct evaluation *evaluation, struct bytes object, struct bytes wanted, struct bytes *found);
// json_row.c: members as values; NULL where there is none keeps what the row has. Fields of composite types, and their
// elements, are read too.
struct row_column; // data/record.h
int json_read_row(struct evaluation *evaluation, struct bytes object, const struct row_column *columns, int count,
                  struct value *row);
int json_read_value(struct evaluation *evaluation, struct type type, struct bytes text, struct value *value);
// The builder's value as the result; frees the builder. status: of what was built, handed through.
int result_from_builder(struct evaluation *evaluation, struct jsonb_builder *builder, int status, struct value *result);

// ---- json_make.c: values of any type as JSON ----

void json_append_value(struct evaluation *evaluation, enum type_id type, const struct value *value, struct buffer *out);
int jsonb_add_value(struct evaluation *evaluation, enum type_id type, const struct value *value,
                    struct jsonb_builder *builder);
// The value as an object's name. 22023 for json and jsonb.
int json_name_of(struct evaluation *evaluation, enum type_id type, const struct value *value, struct buffer *out);
