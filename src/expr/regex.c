// Regular expressions: PostgreSQL's flavour, by PCRE2.
//
// 1. A pattern is written anew for PCRE2 (regex_read.c). Where a match begins is then the same in both; where it ends
//    is not: PCRE2 takes the first one that it finds, PostgreSQL the longest or the shortest. So where there is a choice
//    PCRE2's automaton says how far that goes, and the match is made again to end there.
// 2. A match that takes too many steps back is left to the automaton, which never goes back; it knows no groups. With
//    groups or references it fails, with 54001.
// 3. Places to begin are tried some at a time. Between them the statement is asked whether it goes on.
// 4. All of PCRE2's memory comes from the evaluation's arena.
#include "expr/regex.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "data/utf8.h"
#include "expr/regex_read.h"

enum {
  MATCH_STEPS = 1000 * 1000,
  MATCH_DEPTH = 100 * 1000,
  MATCH_HEAP_KILOBYTES = 16 * 1024,
  BYTES_AT_A_TIME = 1 << 24, // looked at between two questions, where each place looks at all that follows
  TIMES_UNASKED = 64,        // as often where there is nobody to ask
  WORKSPACE = 16 * 1024,     // numbers for the automaton's states
};

static void *allocate(PCRE2_SIZE size, void *arena) { return arena_alloc(arena, size); }
static void release(void *memory, void *arena) {}

static int too_complex(struct evaluation *evaluation)
{
  return error_set(evaluation->error, SQLSTATE_STATEMENT_TOO_COMPLEX, "regular expression failed: too complex");
}

static int compile_error(struct evaluation *evaluation, int code)
{
  static const struct {
    int code;
    const char *text;
  } known[] = {
      {114, "parentheses () not balanced"}, {122, "parentheses () not balanced"}, {106, "brackets [] not balanced"},
      {109, "quantifier operand invalid"},  {101, "invalid escape \\ sequence"},  {104, "invalid repetition count(s)"},
      {105, "invalid repetition count(s)"}, {108, "invalid character range"},     {130, "invalid character class"},
      {115, "invalid backreference number"}, {150, "invalid character range"},
      {120, "regular expression is too complex"},
      {135, "regular expression is too complex"}, {186, "regular expression is too complex"},
      {125, "lookbehind is not of a fixed length"}, {177, "invalid escape \\ sequence"},
      {134, "invalid escape \\ sequence"},
  };
  char text[200] = "";
  for (size_t i = 0; i < sizeof known / sizeof *known; i++)
    if (known[i].code == code)
      return regex_bad(evaluation, known[i].text);
  pcre2_get_error_message(code, (PCRE2_UCHAR *)text, sizeof text);
  return regex_bad(evaluation, text);
}

// Repetitions must be able to give something back where the automaton looks for the shortest match.
static uint32_t compile_options(const struct regex_options *options, bool has_choice)
{
  return PCRE2_UTF | PCRE2_UCP | PCRE2_DOLLAR_ENDONLY | PCRE2_NO_UTF_CHECK | PCRE2_USE_OFFSET_LIMIT |
         (has_choice ? PCRE2_NO_AUTO_POSSESS : 0) | (options->ignores_case ? PCRE2_CASELESS : 0) |
         (options->sees_lines ? PCRE2_MULTILINE : 0) |
         (options->stops_at_lines ? 0 : PCRE2_DOTALL);
}

static int compile(struct evaluation *evaluation, const struct regex_reading *reading,
                   const struct regex_options *options, struct regex *regex)
{
  int code = 0;
  size_t offset = 0;
  uint32_t groups = 0;
  pcre2_general_context *general = pcre2_general_context_create(allocate, release, evaluation->arena);
  pcre2_compile_context *context = general ? pcre2_compile_context_create(general) : NULL;
  if (!context)
    return error_memory(evaluation->error);
  regex->code = pcre2_compile(reading->out.data, reading->out.size, compile_options(options, reading->has_choice),
                              &code, &offset, context);
  regex->limits = pcre2_match_context_create(general);
  if (!regex->code && code != PCRE2_ERROR_NOMEMORY && code != 121)
    return compile_error(evaluation, code);
  if (regex->code)
    regex->match = pcre2_match_data_create_from_pattern(regex->code, general);
  if (!regex->code || !regex->match || !regex->limits)
    return error_memory(evaluation->error);
  pcre2_pattern_info(regex->code, PCRE2_INFO_CAPTURECOUNT, &groups);
  regex->group_count = (int)groups;
  regex->places = ARENA_ARRAY(evaluation->arena, size_t, 2 * ((size_t)groups + 1));
  pcre2_set_match_limit(regex->limits, MATCH_STEPS);
  pcre2_set_depth_limit(regex->limits, MATCH_DEPTH);
  pcre2_set_heap_limit(regex->limits, MATCH_HEAP_KILOBYTES);
  return regex->places ? STATUS_OK : error_memory(evaluation->error);
}

int regex_compile(struct evaluation *evaluation, struct bytes pattern, struct bytes flags, struct regex *regex)
{
  struct regex_options options = {0};
  struct regex_reading reading = {0};
  *regex = (struct regex){0};
  int status = regex_read_flags(evaluation, flags, &options);
  if (!status)
    status = regex_read(evaluation, pattern, &options, &reading);
  if (!status)
    status = compile(evaluation, &reading, &options, regex);
  buffer_deinit(&reading.out);
  regex->is_global = options.is_global;
  regex->wants_extent = reading.has_choice && !reading.has_reference;
  regex->is_shortest = reading.is_shortest;
  regex->has_reference = reading.has_reference;
  return status;
}

// ---- matching ----

static const uint8_t *data_of(struct bytes text) { return text.data ? text.data : (const uint8_t *)""; }

// The automaton's match from the place on: *end is how far it goes, SIZE_MAX where there is none. Anchored: at
// the place.
static int automaton(struct evaluation *evaluation, struct regex *regex, struct bytes text, size_t at, bool is_anchored,
                     size_t places[2])
{
  if (!regex->workspace && !(regex->workspace = ARENA_ARRAY(evaluation->arena, int, WORKSPACE)))
    return error_memory(evaluation->error);
  uint32_t options = PCRE2_NO_UTF_CHECK | (is_anchored ? PCRE2_ANCHORED : 0) |
                     (regex->is_shortest ? PCRE2_DFA_SHORTEST : 0);
  int count = pcre2_dfa_match(regex->code, data_of(text), text.size, at, options, regex->match, regex->limits,
                              regex->workspace, WORKSPACE);
  const size_t *found = pcre2_get_ovector_pointer(regex->match);
  places[0] = count >= 0 ? found[0] : SIZE_MAX;
  places[1] = count >= 0 ? found[1] : SIZE_MAX;
  if (count >= 0 || count == PCRE2_ERROR_NOMATCH)
    return STATUS_OK;
  return count == PCRE2_ERROR_NOMEMORY ? error_memory(evaluation->error) : too_complex(evaluation);
}

static int ends_there(pcre2_callout_block *block, void *end) { return block->current_position != *(size_t *)end; }

static void take_places(struct regex *regex)
{
  memcpy(regex->places, pcre2_get_ovector_pointer(regex->match),
         sizeof *regex->places * 2 * ((size_t)regex->group_count + 1));
}

// Makes the match again so that it ends where the preferred one does.
static int extend(struct evaluation *evaluation, struct regex *regex, struct bytes text)
{
  size_t places[2];
  pcre2_set_offset_limit(regex->limits, PCRE2_UNSET);
  int status = automaton(evaluation, regex, text, regex->places[0], true, places);
  if (status || places[1] == regex->places[1] || places[1] == SIZE_MAX)
    return status;
  regex->places[1] = places[1];
  if (!regex->group_count)
    return STATUS_OK;
  pcre2_set_callout(regex->limits, ends_there, &places[1]);
  int count = pcre2_match(regex->code, data_of(text), text.size, places[0], PCRE2_NO_UTF_CHECK | PCRE2_ANCHORED,
                          regex->match, regex->limits);
  pcre2_set_callout(regex->limits, NULL, NULL);
  if (count <= 0)
    return count == PCRE2_ERROR_NOMEMORY ? error_memory(evaluation->error) : too_complex(evaluation);
  take_places(regex);
  return STATUS_OK;
}

static bool went_back_too_often(int count)
{
  return count == PCRE2_ERROR_MATCHLIMIT || count == PCRE2_ERROR_DEPTHLIMIT || count == PCRE2_ERROR_HEAPLIMIT;
}

// Tries what begins between the place and the limit.
static int find_between(struct evaluation *evaluation, struct regex *regex, struct bytes text, size_t at, bool *found)
{
  int count = pcre2_match(regex->code, data_of(text), text.size, at, PCRE2_NO_UTF_CHECK, regex->match, regex->limits);
  *found = count > 0;
  if (count > 0)
    take_places(regex);
  if (count > 0 && regex->wants_extent)
    return extend(evaluation, regex, text);
  if (count > 0 || count == PCRE2_ERROR_NOMATCH)
    return STATUS_OK;
  if (count == PCRE2_ERROR_NOMEMORY)
    return error_memory(evaluation->error);
  if (!went_back_too_often(count) || regex->has_reference)
    return too_complex(evaluation);
  int status = automaton(evaluation, regex, text, at, false, regex->places);
  *found = !status && regex->places[0] != SIZE_MAX;
  return *found && regex->group_count && regex->wants_groups ? too_complex(evaluation) : status;
}

int regex_find(struct evaluation *evaluation, struct regex *regex, struct bytes text, size_t from, bool *found)
{
  bool asks = evaluation->hooks && evaluation->hooks->look;
  *found = false;
  if (from > text.size)
    return STATUS_OK;
  for (int times = 0;; times++) {
    size_t limit = from + BYTES_AT_A_TIME / (text.size - from + 1) + 16;
    pcre2_set_offset_limit(regex->limits, limit < text.size ? limit : PCRE2_UNSET);
    int status = find_between(evaluation, regex, text, from, found);
    if (status || *found || limit >= text.size)
      return status;
    if (!asks && times == TIMES_UNASKED)
      return too_complex(evaluation);
    if (asks && (status = evaluation->hooks->look(evaluation)))
      return status;
    for (from = limit + 1; from < text.size && (text.data[from] & 0xc0) == 0x80;)
      from++;
  }
}

size_t regex_from(struct bytes text, int64_t start)
{
  return start - 1 > (int64_t)utf8_length(text) ? text.size + 1 : utf8_prefix(text, (size_t)start - 1);
}

size_t regex_after(const struct regex *regex, struct bytes text)
{
  const size_t *places = regex->places;
  if (places[1] > places[0] || places[1] >= text.size)
    return places[1] > places[0] ? places[1] : places[1] + 1;
  return places[1] + (size_t)utf8_width(text.data[places[1]]);
}

int regex_no_global(struct evaluation *evaluation, const struct regex *regex, const char *name)
{
  if (!regex->is_global)
    return STATUS_OK;
  return error_set(evaluation->error, SQLSTATE_INVALID_PARAMETER_VALUE, "%s() does not support the \"global\" option",
                   name);
}

int regex_bad_parameter(struct evaluation *evaluation, const char *name, int64_t v)
{
  return error_set(evaluation->error, SQLSTATE_INVALID_PARAMETER_VALUE,
                   "invalid value for parameter \"%s\": %lld", name, (long long)v);
}
