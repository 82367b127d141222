// What takes texts apart by regular expressions: regexp_match(es), regexp_split_to_…, regexp_instr, regexp_substr.
//
// Of set functions the position is where the next search begins, 1 more than the text is long when all is done.
#include "data/array.h"
#include "data/utf8.h"
#include "expr/regex.h"

static struct bytes optional(const struct value *arguments, int argument_count, int i)
{
  return i < argument_count ? bytes_of_value(&arguments[i]) : bytes_of_string("");
}

static struct value group_of(const struct regex *regex, struct bytes text, int group)
{
  const size_t *places = regex->places + 2 * group;
  return places[0] == SIZE_MAX ? value_null() : value_bytes(text.data + places[0], (uint32_t)(places[1] - places[0]));
}

// The groups of a match as an array, or the whole where there are none.
static int groups_of(struct evaluation *evaluation, const struct regex *regex, struct bytes text, struct value *result)
{
  struct array_builder builder;
  array_builder_init(&builder, TEXT, evaluation->arena->account);
  for (int i = regex->group_count > 0; i <= regex->group_count; i++) {
    struct value group = group_of(regex, text, i);
    array_add(&builder, &group);
  }
  struct array_shape shape = array_line(builder.count);
  return array_finish(&builder, &shape, evaluation->arena, result, evaluation->error);
}

static int regexp_match(CALL) // text, pattern [, flags]
{
  struct regex regex;
  struct bytes text = bytes_of_value(&arguments[0]);
  bool found = false;
  *result = value_null();
  int status = regex_compile(evaluation, bytes_of_value(&arguments[1]), optional(arguments, argument_count, 2), &regex);
  if (!status && (status = regex_no_global(evaluation, &regex, "regexp_match")))
    error_hint(evaluation->error, "Use the regexp_matches function instead.");
  regex.wants_groups = true;
  if (!status)
    status = regex_find(evaluation, &regex, text, 0, &found);
  return status || !found ? status : groups_of(evaluation, &regex, text, result);
}

int regexp_matches(struct evaluation *evaluation, struct set_call *call, struct value *row)
{
  struct regex regex;
  struct bytes text = bytes_of_value(&call->arguments[0]);
  bool found = false;
  if ((size_t)call->position > text.size)
    return 0;
  int status = regex_compile(evaluation, bytes_of_value(&call->arguments[1]),
                             optional(call->arguments, call->argument_count, 2), &regex);
  regex.wants_groups = true;
  if (!status)
    status = regex_find(evaluation, &regex, text, (size_t)call->position, &found);
  if (status || !found)
    return status;
  call->position = regex.is_global ? (int64_t)regex_after(&regex, text) : (int64_t)text.size + 1;
  status = groups_of(evaluation, &regex, text, row);
  return status ? status : 1;
}

// ---- splitting ----

// Where the next piece begins, where the search for its end does, and where the last match ended.
struct split {
  size_t piece, from, last_end;
  bool is_done;
};

// The next piece. Empty matches at the text's ends, or just behind another match, do not split.
static int next_piece(struct evaluation *evaluation, struct regex *regex, struct bytes text, struct split *split,
                      struct value *piece)
{
  bool found = true;
  while (found && split->from <= text.size) {
    int status = regex_find(evaluation, regex, text, split->from, &found);
    if (status)
      return status;
    if (!found)
      break;
    size_t start = regex->places[0], end = regex->places[1];
    bool counts = start < text.size && end > split->last_end;
    split->from = regex_after(regex, text);
    split->last_end = end;
    if (counts) {
      *piece = value_bytes(text.data + split->piece, (uint32_t)(start - split->piece));
      split->piece = end;
      return STATUS_OK;
    }
  }
  *piece = value_bytes(text.data + split->piece, (uint32_t)(text.size - split->piece));
  split->is_done = true;
  return STATUS_OK;
}

static int split_regex(struct evaluation *evaluation, const struct value *arguments, int argument_count,
                       const char *name, struct regex *regex)
{
  int status = regex_compile(evaluation, bytes_of_value(&arguments[1]), optional(arguments, argument_count, 2), regex);
  return status ? status : regex_no_global(evaluation, regex, name);
}

static int regexp_split_to_array(CALL)
{
  struct regex regex;
  struct split split = {0};
  struct value piece;
  int status = split_regex(evaluation, arguments, argument_count, "regexp_split_to_array", &regex);
  if (status)
    return status;
  struct array_builder builder;
  array_builder_init(&builder, TEXT, evaluation->arena->account);
  while (!status && !split.is_done && !builder.elements.failed) {
    status = next_piece(evaluation, &regex, bytes_of_value(&arguments[0]), &split, &piece);
    if (!status)
      array_add(&builder, &piece);
  }
  if (status) {
    array_builder_deinit(&builder);
    return status;
  }
  struct array_shape shape = array_line(builder.count);
  return array_finish(&builder, &shape, evaluation->arena, result, evaluation->error);
}

int regexp_split_to_table(struct evaluation *evaluation, struct set_call *call, struct value *row)
{
  struct regex regex;
  struct split split = {.piece = call->places[0], .from = (size_t)call->position, .last_end = call->places[1]};
  if (call->places[2])
    return 0;
  int status = split_regex(evaluation, call->arguments, call->argument_count, "regexp_split_to_table", &regex);
  if (!status)
    status = next_piece(evaluation, &regex, bytes_of_value(&call->arguments[0]), &split, row);
  call->places[0] = split.piece;
  call->places[1] = split.last_end;
  call->places[2] = split.is_done;
  call->position = (int64_t)split.from;
  return status ? status : 1;
}

// ---- the match of a number ----

struct place {
  struct value text, pattern;
  struct bytes flags;
  int64_t start, number, group;
};

static int find_number(struct evaluation *evaluation, const char *name, const struct place *p, struct regex *regex,
                       bool *found)
{
  struct bytes text = bytes_of_value(&p->text);
  int status = regex_compile(evaluation, bytes_of_value(&p->pattern), p->flags, regex);
  if (!status)
    status = regex_no_global(evaluation, regex, name);
  size_t from = regex_from(text, p->start);
  regex->wants_groups = p->group > 0;
  *found = false;
  for (int64_t n = 1; !status && from <= text.size; n++) {
    status = regex_find(evaluation, regex, text, from, found);
    if (status || !*found || n == p->number)
      break;
    from = regex_after(regex, text);
    *found = false;
  }
  *found = *found && p->group <= regex->group_count && regex->places[2 * p->group] != SIZE_MAX;
  return status;
}

static int64_t number_or(const struct value *arguments, int argument_count, int i, int64_t otherwise)
{
  return i < argument_count ? arguments[i].integer : otherwise;
}

static int regexp_instr(CALL) // text, pattern [, start [, number [, end option [, flags [, group]]]]]
{
  struct regex regex;
  struct place p = {arguments[0], arguments[1], optional(arguments, argument_count, 5),
                    number_or(arguments, argument_count, 2, 1), number_or(arguments, argument_count, 3, 1),
                    number_or(arguments, argument_count, 6, 0)};
  int64_t at_end = number_or(arguments, argument_count, 4, 0);
  bool found;
  if (p.start <= 0)
    return regex_bad_parameter(evaluation, "start", p.start);
  if (p.number <= 0)
    return regex_bad_parameter(evaluation, "n", p.number);
  if (at_end != 0 && at_end != 1)
    return regex_bad_parameter(evaluation, "endoption", at_end);
  if (p.group < 0)
    return regex_bad_parameter(evaluation, "subexpr", p.group);
  int status = find_number(evaluation, "regexp_instr", &p, &regex, &found);
  if (status)
    return status;
  *result = value_integer(0);
  if (found) {
    size_t at = regex.places[2 * p.group + at_end];
    *result = value_integer((int64_t)utf8_length(bytes_of(p.text.data, at)) + 1);
  }
  return STATUS_OK;
}

static int regexp_substr(CALL) // text, pattern [, start [, number [, flags [, group]]]]
{
  struct regex regex;
  struct place p = {arguments[0], arguments[1], optional(arguments, argument_count, 4),
                    number_or(arguments, argument_count, 2, 1), number_or(arguments, argument_count, 3, 1),
                    number_or(arguments, argument_count, 5, 0)};
  bool found;
  if (p.start <= 0)
    return regex_bad_parameter(evaluation, "start", p.start);
  if (p.number <= 0)
    return regex_bad_parameter(evaluation, "n", p.number);
  if (p.group < 0)
    return regex_bad_parameter(evaluation, "subexpr", p.group);
  int status = find_number(evaluation, "regexp_substr", &p, &regex, &found);
  *result = value_null();
  if (!status && found)
    *result = group_of(&regex, bytes_of_value(&p.text), (int)p.group);
  return status;
}

// ---- the table ----

const struct function pattern_piece_functions[] = {
    PURE("regexp_match", regexp_match, TYPE_TEXT_ARRAY, 2, TEXT, TEXT),
    PURE("regexp_match", regexp_match, TYPE_TEXT_ARRAY, 3, TEXT, TEXT, TEXT),
    PURE("regexp_split_to_array", regexp_split_to_array, TYPE_TEXT_ARRAY, 2, TEXT, TEXT),
    PURE("regexp_split_to_array", regexp_split_to_array, TYPE_TEXT_ARRAY, 3, TEXT, TEXT, TEXT),
    PURE("regexp_instr", regexp_instr, INT4, 2, TEXT, TEXT),
    PURE("regexp_instr", regexp_instr, INT4, 3, TEXT, TEXT, INT4),
    PURE("regexp_instr", regexp_instr, INT4, 4, TEXT, TEXT, INT4, INT4),
    PURE("regexp_instr", regexp_instr, INT4, 5, TEXT, TEXT, INT4, INT4, INT4),
    PURE("regexp_instr", regexp_instr, INT4, 6, TEXT, TEXT, INT4, INT4, INT4, TEXT),
    PURE("regexp_instr", regexp_instr, INT4, 7, TEXT, TEXT, INT4, INT4, INT4, TEXT, INT4),
    PURE("regexp_substr", regexp_substr, TEXT, 2, TEXT, TEXT),
    PURE("regexp_substr", regexp_substr, TEXT, 3, TEXT, TEXT, INT4),
    PURE("regexp_substr", regexp_substr, TEXT, 4, TEXT, TEXT, INT4, INT4),
    PURE("regexp_substr", regexp_substr, TEXT, 5, TEXT, TEXT, INT4, INT4, TEXT),
    PURE("regexp_substr", regexp_substr, TEXT, 6, TEXT, TEXT, INT4, INT4, TEXT, INT4),
    {0},
};
