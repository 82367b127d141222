// Reads a regular expression of PostgreSQL's (advanced or extended ones) and writes it as PCRE2 has it.
//
// 1. What is not PostgreSQL's is refused here, with PostgreSQL's words, whatever PCRE2 makes of it.
// 2. White space and comments of the expanded form are left out.
// 3. Beside it finds out whether the whole prefers the longest or the shortest match: a choice (|) the longest, else as
//    its first part that has a preference; a group's is that of what it holds.
#include "expr/regex_read.h"

#include <ctype.h>

#include "data/utf8.h"

enum { GROUPS_DEEP = 200, REPEATS = 255 };

enum preference { PREFERS_NOTHING, PREFERS_MOST, PREFERS_LEAST };

struct level {
  enum preference preference; // of the branch
  bool has_choice, is_constraint;
};

struct reader {
  struct evaluation *evaluation;
  struct bytes pattern;
  size_t at;
  struct regex_options *options;
  struct regex_reading *reading;
  struct level levels[GROUPS_DEEP];
  int depth;
  bool has_atom, atom_is_group; // what stands before may be repeated; it is a group
  enum preference atom;         // its preference
};

int regex_bad(struct evaluation *evaluation, const char *why)
{
  return error_set(evaluation->error, SQLSTATE_INVALID_REGULAR_EXPRESSION, "invalid regular expression: %s", why);
}

static int peek(const struct reader *r, size_t ahead)
{
  return r->at + ahead < r->pattern.size ? r->pattern.data[r->at + ahead] : -1;
}

// ---- options ----

// False: there is no such letter.
static bool read_option(char letter, struct regex_options *options)
{
  switch (letter) {
  case 'i': options->ignores_case = true; return true;
  case 'c': options->ignores_case = false; return true;
  case 'x': options->is_expanded = true; return true;
  case 't': options->is_expanded = false; return true;
  case 's': options->stops_at_lines = options->sees_lines = false; return true;
  case 'n':
  case 'm': options->stops_at_lines = options->sees_lines = true; return true;
  case 'p':
    options->stops_at_lines = true;
    options->sees_lines = false;
    return true;
  case 'w':
    options->stops_at_lines = false;
    options->sees_lines = true;
    return true;
  case 'q': options->is_literal = true; return true;
  case 'e': options->is_literal = false; return true;
  default: return false;
  }
}

static int no_basic(struct evaluation *evaluation)
{
  return error_set(evaluation->error, SQLSTATE_FEATURE_NOT_SUPPORTED,
                   "regular expression option \"b\" is not supported");
}

int regex_read_flags(struct evaluation *evaluation, struct bytes flags, struct regex_options *options)
{
  for (size_t i = 0; i < flags.size; i++) {
    if (flags.data[i] == 'b')
      return no_basic(evaluation);
    if (flags.data[i] == 'g')
      options->is_global = true;
    else if (!read_option((char)flags.data[i], options))
      return error_set(evaluation->error, SQLSTATE_INVALID_PARAMETER_VALUE,
                       "invalid regular expression option: \"%.*s\"", utf8_width(flags.data[i]),
                       (const char *)&flags.data[i]);
  }
  return STATUS_OK;
}

// ***= and ***: and (?letters), with which a pattern may begin.
static int read_beginning(struct reader *r)
{
  if (r->options->is_literal)
    return STATUS_OK;
  if (r->pattern.size >= 3 && memcmp(r->pattern.data, "***", 3) == 0) {
    int kind = peek(r, 3);
    if (kind != '=' && kind != ':')
      return regex_bad(r->evaluation, "quantifier operand invalid");
    r->at += 4;
    r->options->is_literal = kind == '=';
    if (kind == '=')
      return STATUS_OK;
  }
  if (peek(r, 0) != '(' || peek(r, 1) != '?' || !isalpha(peek(r, 2)))
    return STATUS_OK;
  for (r->at += 2; isalpha(peek(r, 0)); r->at++) {
    if (peek(r, 0) == 'b')
      return no_basic(r->evaluation);
    if (!read_option((char)peek(r, 0), r->options))
      return regex_bad(r->evaluation, "invalid embedded option");
  }
  return peek(r, 0) == ')' ? r->at++, STATUS_OK : regex_bad(r->evaluation, "invalid embedded option");
}

// ---- escapes ----

static const char no_escape[] = "invalid escape \\ sequence";

static int read_code(struct reader *r, size_t wanted)
{
  size_t n = 0;
  while (n < wanted && peek(r, n) > 0 && strchr("0123456789abcdefABCDEF", peek(r, n)))
    n++;
  if (n == 0 || (wanted < 9 && n != wanted))
    return regex_bad(r->evaluation, no_escape);
  size_t skipped = n > 8 ? n - 8 : 0;
  buffer_format(&r->reading->out, "\\x{%.*s}", (int)(n - skipped), (const char *)r->pattern.data + r->at + skipped);
  r->at += n;
  return STATUS_OK;
}

// r->at stands behind the backslash.
static int read_escape(struct reader *r, bool in_bracket)
{
  static const struct {
    char letter;
    bool is_constraint;
    const char *means;
  } escapes[] = {
      {'m', true, "\\b(?=\\w)"}, {'M', true, "\\b(?<=\\w)"}, {'y', true, "\\b"}, {'Y', true, "\\B"},
      {'A', true, "\\A"},        {'Z', true, "\\z"},         {'b', false, "\\x08"}, {'B', false, "\\\\"},
      {'a', false, "\\a"},       {'e', false, "\\e"},        {'f', false, "\\f"},   {'n', false, "\\n"},
      {'r', false, "\\r"},       {'t', false, "\\t"},        {'v', false, "\\x0b"}, {'d', false, "\\d"},
      {'D', false, "\\D"},       {'s', false, "\\s"},        {'S', false, "\\S"},   {'w', false, "\\w"},
      {'W', false, "\\W"},
  };
  if (peek(r, 0) < 0)
    return regex_bad(r->evaluation, no_escape);
  char c = (char)r->pattern.data[r->at++];
  for (size_t i = 0; i < sizeof escapes / sizeof *escapes; i++)
    if (escapes[i].letter == c && !(in_bracket && escapes[i].is_constraint)) {
      buffer_append_string(&r->reading->out, escapes[i].means);
      r->has_atom = !escapes[i].is_constraint;
      return STATUS_OK;
    }
  if (c == 'u' || c == 'U' || c == 'x')
    return read_code(r, c == 'u' ? 4 : c == 'U' ? 8 : 255);
  if (c == 'c' && isalpha(peek(r, 0))) {
    buffer_format(&r->reading->out, "\\x{%02x}", r->pattern.data[r->at++] & 31);
    return STATUS_OK;
  }
  if (isalpha((uint8_t)c))
    return regex_bad(r->evaluation, no_escape);
  if (c == '0') {
    buffer_append_string(&r->reading->out, "\\x00");
    return STATUS_OK;
  }
  r->reading->has_reference |= isdigit((uint8_t)c) && !in_bracket;
  buffer_append_u8(&r->reading->out, '\\');
  buffer_append_u8(&r->reading->out, (uint8_t)c);
  return STATUS_OK;
}

// ---- brackets ----

// [:class:], [.x.], [=x=]; r->at stands behind the first [. The latter two are one character, but for classes' names.
static int read_bracket_name(struct reader *r)
{
  uint8_t kind = r->pattern.data[r->at];
  size_t end = r->at + 1;
  while (end + 1 < r->pattern.size && !(r->pattern.data[end] == kind && r->pattern.data[end + 1] == ']'))
    end++;
  if (end + 1 >= r->pattern.size)
    return regex_bad(r->evaluation, "brackets [] not balanced");
  struct bytes name = bytes_of(r->pattern.data + r->at + 1, end - r->at - 1);
  if (kind == ':') {
    buffer_append_string(&r->reading->out, "[:");
    buffer_append_bytes(&r->reading->out, name);
    buffer_append_string(&r->reading->out, ":]");
  } else {
    if (!name.size || (size_t)utf8_width(name.data[0]) != name.size)
      return regex_bad(r->evaluation, "invalid collating element");
    if (name.size == 1)
      buffer_append_u8(&r->reading->out, '\\');
    buffer_append_bytes(&r->reading->out, name);
  }
  r->at = end + 2;
  return STATUS_OK;
}

static int read_bracket(struct reader *r)
{
  struct buffer *out = &r->reading->out;
  buffer_append_u8(out, r->pattern.data[r->at++]);
  if (peek(r, 0) == '^') {
    buffer_append_u8(out, r->pattern.data[r->at++]);
    if (r->options->stops_at_lines)
      buffer_append_string(out, "\\n");
  }
  if (peek(r, 0) == ']') {
    buffer_append_string(out, "\\]");
    r->at++;
  }
  while (peek(r, 0) >= 0) {
    int status = STATUS_OK;
    uint8_t c = r->pattern.data[r->at++];
    if (c == ']') {
      buffer_append_u8(out, c);
      return STATUS_OK;
    }
    if (c == '\\') {
      status = read_escape(r, true);
    } else if (c == '[' && peek(r, 0) > 0 && strchr(":.=", peek(r, 0))) {
      status = read_bracket_name(r);
    } else {
      if (c == '[')
        buffer_append_u8(out, '\\');
      buffer_append_u8(out, c);
    }
    if (status)
      return status;
  }
  return regex_bad(r->evaluation, "brackets [] not balanced");
}

// ---- groups and repetitions ----

static void begin_branch(struct reader *r)
{
  r->levels[r->depth].preference = PREFERS_NOTHING;
  r->has_atom = false;
}

static int open_group(struct reader *r)
{
  static const struct {
    const char *text;
    bool is_constraint;
  } kinds[] = {{"(?:", false}, {"(?=", true}, {"(?!", true}, {"(?<=", true}, {"(?<!", true}, {"(", false}};
  if (peek(r, 1) == '?' && peek(r, 2) == '#') {
    while (peek(r, 0) >= 0 && peek(r, 0) != ')')
      r->at++;
    r->at += peek(r, 0) == ')';
    return STATUS_OK;
  }
  size_t kind = 0, length;
  for (;; kind++) {
    length = strlen(kinds[kind].text);
    if (r->pattern.size - r->at >= length && memcmp(r->pattern.data + r->at, kinds[kind].text, length) == 0)
      break;
  }
  if (r->depth + 1 == GROUPS_DEEP)
    return regex_bad(r->evaluation, "regular expression is too complex");
  buffer_append_string(&r->reading->out, kinds[kind].text);
  r->at += length;
  r->levels[++r->depth] = (struct level){.is_constraint = kinds[kind].is_constraint};
  begin_branch(r);
  return STATUS_OK;
}

// An atom without a repetition is over: a group's preference is its branch's, too.
static void settle(struct reader *r, enum preference preference)
{
  struct level *level = &r->levels[r->depth];
  if (level->preference == PREFERS_NOTHING)
    level->preference = preference;
}

static int close_group(struct reader *r)
{
  if (r->depth == 0)
    return regex_bad(r->evaluation, "parentheses () not balanced");
  struct level inner = r->levels[r->depth--];
  buffer_append_u8(&r->reading->out, ')');
  r->at++;
  r->has_atom = !inner.is_constraint;
  r->atom_is_group = true;
  r->atom = inner.is_constraint ? PREFERS_NOTHING : inner.has_choice ? PREFERS_MOST : inner.preference;
  return STATUS_OK;
}

// {m}, {m,}, {m,n}
static int read_bounds(struct reader *r, bool *is_exact)
{
  int bounds[2] = {0, 0}, given = 0;
  size_t start = r->at++;
  for (; given < 2; given++) {
    if (given && peek(r, 0) != ',')
      break;
    r->at += given;
    if (given && peek(r, 0) == '}') {
      bounds[1] = REPEATS;
      given = 2;
      break;
    }
    if (!isdigit(peek(r, 0)))
      return regex_bad(r->evaluation, peek(r, 0) < 0 ? "braces {} not balanced" : "invalid repetition count(s)");
    while (isdigit(peek(r, 0)) && bounds[given] <= REPEATS)
      bounds[given] = bounds[given] * 10 + (r->pattern.data[r->at++] - '0');
  }
  *is_exact = given == 1;
  if (bounds[0] > REPEATS || bounds[1] > REPEATS || (given == 2 && bounds[1] < bounds[0]))
    return regex_bad(r->evaluation, "invalid repetition count(s)");
  if (peek(r, 0) != '}')
    return regex_bad(r->evaluation, peek(r, 0) < 0 ? "braces {} not balanced" : "invalid repetition count(s)");
  r->at++;
  buffer_append(&r->reading->out, r->pattern.data + start, r->at - start);
  return STATUS_OK;
}

static int read_repetition(struct reader *r)
{
  bool is_exact = false;
  if (!r->has_atom)
    return regex_bad(r->evaluation, "quantifier operand invalid");
  if (peek(r, 0) == '{') {
    int status = read_bounds(r, &is_exact);
    if (status)
      return status;
  } else {
    buffer_append_u8(&r->reading->out, r->pattern.data[r->at++]);
  }
  bool is_lazy = peek(r, 0) == '?';
  if (is_lazy)
    buffer_append_u8(&r->reading->out, r->pattern.data[r->at++]);
  settle(r, is_exact ? r->atom : is_lazy ? PREFERS_LEAST : PREFERS_MOST);
  r->reading->has_choice |= is_lazy || (r->atom_is_group && !is_exact);
  r->has_atom = false;
  return STATUS_OK;
}

static bool is_repetition(const struct reader *r)
{
  int c = peek(r, 0);
  return c == '*' || c == '+' || c == '?' || (c == '{' && isdigit(peek(r, 1)));
}

// ---- the whole ----

static bool is_word_boundary(const struct reader *r, const char *name)
{
  return r->pattern.size - r->at >= 7 && memcmp(r->pattern.data + r->at, name, 7) == 0;
}

// What stands at r->at, which is no repetition.
static int read_atom(struct reader *r)
{
  struct buffer *out = &r->reading->out;
  uint8_t c = r->pattern.data[r->at];
  r->atom = PREFERS_NOTHING;
  r->atom_is_group = false;
  r->has_atom = c != '^' && c != '$';
  switch (c) {
  case '\\': r->at++; return read_escape(r, false);
  case '(': return open_group(r);
  case ')': return close_group(r);
  case '|':
    buffer_append_u8(out, c);
    r->at++;
    r->levels[r->depth].has_choice = r->reading->has_choice = true;
    begin_branch(r);
    return STATUS_OK;
  case '[':
    if (is_word_boundary(r, "[[:<:]]") || is_word_boundary(r, "[[:>:]]")) {
      buffer_append_string(out, r->pattern.data[r->at + 3] == '<' ? "\\b(?=\\w)" : "\\b(?<=\\w)");
      r->at += 7;
      r->has_atom = false;
      return STATUS_OK;
    }
    return read_bracket(r);
  case '{': buffer_append_u8(out, '\\'); break;
  default: break;
  }
  buffer_append(out, r->pattern.data + r->at, (size_t)utf8_width(c));
  r->at += (size_t)utf8_width(c);
  return STATUS_OK;
}

static void read_literal(struct reader *r)
{
  for (; r->at < r->pattern.size; r->at++) {
    uint8_t c = r->pattern.data[r->at];
    if (c && c < 0x80 && strchr("\\^$.[]|()?*+{}", c))
      buffer_append_u8(&r->reading->out, '\\');
    buffer_append_u8(&r->reading->out, c);
  }
}

static bool skip_blank(struct reader *r)
{
  size_t start = r->at;
  while (r->options->is_expanded && (isspace(peek(r, 0)) || peek(r, 0) == '#')) {
    bool is_comment = peek(r, 0) == '#';
    r->at++;
    while (is_comment && peek(r, 0) >= 0 && peek(r, 0) != '\n')
      r->at++;
  }
  return r->at > start;
}

int regex_read(struct evaluation *evaluation, struct bytes pattern, struct regex_options *options,
               struct regex_reading *reading)
{
  struct reader *r = ARENA_NEW(evaluation->arena, struct reader);
  *reading = (struct regex_reading){.out = buffer_for(evaluation)};
  if (!r)
    return error_memory(evaluation->error);
  r->evaluation = evaluation;
  r->pattern = pattern;
  r->options = options;
  r->reading = reading;
  int status = read_beginning(r);
  buffer_append_string(&reading->out, "(?:");
  if (options->is_literal)
    read_literal(r);
  while (!status && r->at < pattern.size) {
    if (skip_blank(r))
      continue;
    if (is_repetition(r)) {
      status = read_repetition(r);
      continue;
    }
    status = read_atom(r);
    if (!status && r->has_atom && r->atom != PREFERS_NOTHING) {
      skip_blank(r);
      if (!is_repetition(r))
        settle(r, r->atom);
    }
  }
  if (!status && r->depth)
    status = regex_bad(evaluation, "parentheses () not balanced");
  buffer_append_string(&reading->out, ")(?C1)"); // regex.c asks there whether the match ends where it wants it to
  reading->is_shortest = !r->levels[0].has_choice && r->levels[0].preference == PREFERS_LEAST;
  return status || !reading->out.failed ? status : error_memory(evaluation->error);
}
