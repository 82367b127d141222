// Reads jsonpath: words, then a tree by precedence.
//
// 1. Every word moves forward, and a path has a bounded number of steps: time is linear in the text, depth bounded.
// 2. Predicates and values are different things: && of numbers is refused, and so is + of predicates.
#include "data/jsonpath.h"

#include <ctype.h>
#include <stdlib.h>
#include <strings.h>

#include "base/sqlstate.h"
#include "data/json.h"
#include "data/numeric.h"
#include "data/utf8.h"

enum { STEPS = 2000 };

enum word_kind { WORD_END, WORD_SIGN, WORD_NAME, WORD_STRING, WORD_NUMBER, WORD_VARIABLE };

struct word {
  enum word_kind kind;
  struct bytes raw;  // as it stands in the text
  struct bytes text; // of names, strings and variables
  bool is_integer;   // of a number
};

struct reader {
  struct bytes text;
  size_t at;
  struct word word; // the next one
  struct arena *arena;
  struct error *error;
  int steps;
  int filters, subscripts; // inside of how many
};

// ---- words ----

static int failed(struct reader *r, const char *what)
{
  if (r->error->status)
    return r->error->status;
  if (r->word.kind == WORD_END)
    return error_set(r->error, SQLSTATE_SYNTAX_ERROR, "%s at end of jsonpath input", what);
  return error_set(r->error, SQLSTATE_SYNTAX_ERROR, "%s at or near \"%.*s\" of jsonpath input", what,
                   (int)r->word.raw.size, (const char *)r->word.raw.data);
}

static int syntax_error(struct reader *r) { return failed(r, "syntax error"); }

static int peek(const struct reader *r, size_t ahead)
{
  return r->at + ahead < r->text.size ? r->text.data[r->at + ahead] : -1;
}

static bool is_special(int c) { return c >= 0 && strchr("?%$.[]{}()|&!=<>@#,*:-+/", c) && c; }

static int skip_blank(struct reader *r)
{
  for (;;) {
    while (peek(r, 0) >= 0 && isspace(peek(r, 0)))
      r->at++;
    if (peek(r, 0) != '/' || peek(r, 1) != '*')
      return 0;
    const uint8_t *end = memmem(r->text.data + r->at + 2, r->text.size - r->at - 2, "*/", 2);
    if (!end) {
      r->word = (struct word){.kind = WORD_END};
      return failed(r, "unexpected end of comment");
    }
    r->at = (size_t)(end - r->text.data) + 2;
  }
}

static int hexadecimal(int c) { return c <= '9' ? c - '0' : (c | 32) - 'a' + 10; }

static void put_character(uint32_t code, struct buffer *out)
{
  if (code < 0x80) {
    buffer_append_u8(out, (uint8_t)code);
  } else if (code < 0x800) {
    buffer_append_u8(out, (uint8_t)(0xc0 | code >> 6));
    buffer_append_u8(out, (uint8_t)(0x80 | (code & 63)));
  } else {
    if (code < 0x10000)
      buffer_append_u8(out, (uint8_t)(0xe0 | code >> 12));
    else {
      buffer_append_u8(out, (uint8_t)(0xf0 | code >> 18));
      buffer_append_u8(out, (uint8_t)(0x80 | (code >> 12 & 63)));
    }
    buffer_append_u8(out, (uint8_t)(0x80 | (code >> 6 & 63)));
    buffer_append_u8(out, (uint8_t)(0x80 | (code & 63)));
  }
}

// \xHH, \uHHHH, \u{H…}; behind its letter. 0 where there is no such character.
static uint32_t read_code(struct reader *r, char letter)
{
  uint32_t code = 0;
  size_t digits = letter == 'x' ? 2 : 4;
  bool has_braces = letter == 'u' && peek(r, 0) == '{';
  r->at += has_braces;
  for (size_t i = 0; i < (has_braces ? 6 : digits); i++, r->at++) {
    if (peek(r, 0) < 0 || !isxdigit(peek(r, 0)))
      if (has_braces && i > 0)
        break;
      else
        return 0;
    else
      code = code << 4 | (uint32_t)hexadecimal(peek(r, 0));
  }
  if (has_braces && peek(r, 0) != '}')
    return 0;
  r->at += has_braces;
  return code;
}

static int read_escape(struct reader *r, struct buffer *out)
{
  static const char letters[] = "bfnrtv", means[] = "\b\f\n\r\t\v";
  if (peek(r, 0) < 0)
    return failed(r, "unexpected end after backslash");
  char c = (char)r->text.data[r->at++];
  const char *letter = c ? strchr(letters, c) : NULL;
  if (letter) {
    buffer_append_u8(out, (uint8_t)means[letter - letters]);
    return 0;
  }
  if (c != 'u' && c != 'x') {
    buffer_append_u8(out, (uint8_t)c);
    return 0;
  }
  uint32_t code = read_code(r, c);
  if (code >= 0xd800 && code < 0xdc00 && peek(r, 0) == '\\' && peek(r, 1) == 'u') {
    r->at += 2;
    uint32_t low = read_code(r, 'u');
    code = low >= 0xdc00 && low < 0xe000 ? 0x10000 + ((code & 0x3ff) << 10) + (low & 0x3ff) : 0;
  }
  if (code == 0)
    return failed(r, c == 'x' ? "invalid hexadecimal character sequence" : "invalid Unicode escape sequence");
  if (code > 0x10ffff || (code >= 0xd800 && code < 0xe000))
    return error_set(r->error, SQLSTATE_INVALID_TEXT_REPRESENTATION, "invalid input syntax for type %s", "jsonpath");
  put_character(code, out);
  return 0;
}

// A name, or what stands in quotes; r->at at its first character.
static int read_text(struct reader *r, bool is_quoted)
{
  struct buffer out = {0};
  int status = 0;
  while (!status) {
    int c = peek(r, 0);
    if (is_quoted && c < 0) {
      r->word.kind = WORD_END;
      status = failed(r, "unexpected end of quoted string");
    } else if (is_quoted ? c == '"' : c < 0 || is_special(c) || isspace(c) || c == '"') {
      break;
    } else {
      r->at++;
      if (c == '\\')
        status = read_escape(r, &out);
      else
        buffer_append_u8(&out, (uint8_t)c);
    }
  }
  r->at += is_quoted;
  r->word.text.size = out.size;
  r->word.text.data = status ? NULL : arena_copy(r->arena, out.size ? out.data : (const uint8_t *)"", out.size);
  bool is_lost = out.failed || (!status && !r->word.text.data);
  buffer_deinit(&out);
  return is_lost ? error_memory(r->error) : status;
}

static int read_number(struct reader *r)
{
  size_t start = r->at;
  r->word.kind = WORD_NUMBER;
  while (isdigit(peek(r, 0)))
    r->at++;
  r->word.is_integer = true;
  if (peek(r, 0) == '.' && (isdigit(peek(r, 1)) || r->at > start)) {
    r->word.is_integer = false;
    for (r->at++; isdigit(peek(r, 0));)
      r->at++;
  }
  size_t sign = peek(r, 1) == '+' || peek(r, 1) == '-';
  if ((peek(r, 0) | 32) == 'e' && peek(r, 0) > 0 && isdigit(peek(r, 1 + sign))) {
    r->word.is_integer = false;
    for (r->at += 1 + sign; isdigit(peek(r, 0));)
      r->at++;
  }
  r->word.raw = bytes_of(r->text.data + start, r->at - start);
  int c = peek(r, 0);
  if (c >= 0 && !is_special(c) && !isspace(c) && c != '"') {
    r->word.raw.size += (size_t)utf8_width((uint8_t)c);
    return failed(r, "trailing junk after numeric literal");
  }
  return 0;
}

// Reads the next word into r->word.
static int next_word(struct reader *r)
{
  static const char *const pairs[] = {"&&", "||", "==", "!=", "<>", "<=", ">=", "**"};
  int status = skip_blank(r);
  if (status)
    return status;
  size_t start = r->at;
  int c = peek(r, 0);
  r->word = (struct word){.kind = WORD_END, .raw = bytes_of(r->text.data + start, 0)};
  if (c < 0)
    return 0;
  r->word.raw.size = (size_t)utf8_width((uint8_t)c);
  if (isdigit(c) || (c == '.' && isdigit(peek(r, 1))))
    return read_number(r);
  if (c == '"') {
    r->at++;
    r->word.kind = WORD_STRING;
    status = read_text(r, true);
  } else if (c == '$' && (peek(r, 1) == '"' || (peek(r, 1) >= 0 && !is_special(peek(r, 1)) && !isspace(peek(r, 1))))) {
    bool is_quoted = peek(r, 1) == '"';
    r->at += 1 + is_quoted;
    r->word.kind = WORD_VARIABLE;
    status = read_text(r, is_quoted);
  } else if (is_special(c)) {
    r->word.kind = WORD_SIGN;
    r->at++;
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++)
      if (c == pairs[i][0] && peek(r, 0) == pairs[i][1]) {
        r->at++;
        break;
      }
  } else {
    r->word.kind = WORD_NAME;
    status = read_text(r, false);
  }
  r->word.raw.size = r->at - start;
  return status;
}

static bool is_sign(const struct reader *r, const char *sign)
{
  return r->word.kind == WORD_SIGN && bytes_equal(r->word.raw, bytes_of_string(sign));
}

// Keywords are of any letter case, but for null, true and false.
static bool is_name(const struct reader *r, const char *name)
{
  size_t size = strlen(name);
  bool is_exact = strcmp(name, "null") == 0 || strcmp(name, "true") == 0 || strcmp(name, "false") == 0;
  if (r->word.kind != WORD_NAME || r->word.text.size != size)
    return false;
  return is_exact ? memcmp(r->word.text.data, name, size) == 0
                  : strncasecmp((const char *)r->word.text.data, name, size) == 0;
}

// Takes the sign if it comes next; *is_there says so.
static int take_sign(struct reader *r, const char *sign, bool *is_there)
{
  *is_there = is_sign(r, sign);
  return *is_there ? next_word(r) : 0;
}

static int expect_sign(struct reader *r, const char *sign)
{
  return is_sign(r, sign) ? next_word(r) : syntax_error(r);
}

static int expect_name(struct reader *r, const char *name)
{
  return is_name(r, name) ? next_word(r) : syntax_error(r);
}

static int new_node(struct reader *r, enum jsonpath_kind kind, struct jsonpath_node **node)
{
  *node = ARENA_NEW(r->arena, struct jsonpath_node);
  if (!*node)
    return error_memory(r->error);
  (*node)->kind = kind;
  return 0;
}

// Everything that makes the tree deeper, or a run of it.
static int one_more(struct reader *r)
{
  if (++r->steps <= STEPS)
    return 0;
  return error_set(r->error, SQLSTATE_STATEMENT_TOO_COMPLEX, "jsonpath has more than %d steps", STEPS);
}

// ---- the tree ----

static int read_or(struct reader *r, struct jsonpath_node **node);
static int read_sum(struct reader *r, struct jsonpath_node **node);

static bool is_value(const struct jsonpath_node *node) { return node->next || !jsonpath_is_predicate(node->kind); }

// What stands between the signs, of which the first comes next.
static int read_enclosed(struct reader *r, const char *open, const char *close, bool is_predicate,
                         struct jsonpath_node **node)
{
  int status = expect_sign(r, open);
  if (!status)
    status = read_or(r, node);
  if (!status && is_value(*node) == is_predicate)
    status = syntax_error(r);
  return status ? status : expect_sign(r, close);
}

static int read_literal(struct reader *r, struct jsonpath_node **node)
{
  static const struct {
    const char *name;
    enum jsonpath_kind kind;
  } names[] = {{"null", JSONPATH_NULL}, {"true", JSONPATH_TRUE}, {"false", JSONPATH_FALSE}, {"last", JSONPATH_LAST}};
  int status = new_node(r, JSONPATH_ROOT, node);
  if (status)
    return status;
  (*node)->text = r->word.text;
  for (size_t i = 0; i < sizeof names / sizeof *names; i++)
    if (is_name(r, names[i].name)) {
      (*node)->kind = names[i].kind;
      if (names[i].kind == JSONPATH_LAST && !r->subscripts)
        return error_set(r->error, SQLSTATE_SYNTAX_ERROR, "LAST is allowed only in array subscripts");
      return next_word(r);
    }
  if (r->word.kind == WORD_STRING) {
    (*node)->kind = JSONPATH_STRING;
  } else if (r->word.kind == WORD_VARIABLE) {
    (*node)->kind = JSONPATH_VARIABLE;
  } else if (r->word.kind == WORD_NUMBER) {
    (*node)->kind = JSONPATH_NUMBER;
    status = numeric_from_text(r->word.raw, -1, r->arena, &(*node)->number, r->error);
  } else if (is_sign(r, "@")) {
    (*node)->kind = JSONPATH_CURRENT;
    if (!r->filters)
      return error_set(r->error, SQLSTATE_SYNTAX_ERROR, "@ is not allowed in root expressions");
  } else if (!is_sign(r, "$")) {
    return syntax_error(r);
  }
  return status ? status : next_word(r);
}

static int read_subscripts(struct reader *r, struct jsonpath_node **node)
{
  bool more = false;
  int status = next_word(r);
  if (!status && is_sign(r, "*")) {
    status = new_node(r, JSONPATH_ANY_ELEMENT, node);
    status = status ? status : next_word(r);
    return status ? status : expect_sign(r, "]");
  }
  r->subscripts++;
  do {
    if (!status)
      status = new_node(r, JSONPATH_ELEMENTS, node);
    if (!status)
      status = read_sum(r, &(*node)->left);
    if (!status && jsonpath_is_predicate((*node)->left->kind) && !(*node)->left->next)
      status = syntax_error(r);
    if (!status && is_name(r, "to") && !(status = next_word(r)))
      status = read_sum(r, &(*node)->right);
    if (!status)
      status = take_sign(r, ",", &more);
    if (!status)
      node = &(*node)->more;
  } while (!status && more);
  r->subscripts--;
  return status ? status : expect_sign(r, "]");
}

static int read_level(struct reader *r, uint32_t *level)
{
  if (is_name(r, "last")) {
    *level = JSONPATH_LEVELS;
    return next_word(r);
  }
  if (r->word.kind != WORD_NUMBER || !r->word.is_integer || r->word.raw.size > 9)
    return syntax_error(r);
  *level = 0;
  for (size_t i = 0; i < r->word.raw.size; i++)
    *level = *level * 10 + (uint32_t)(r->word.raw.data[i] - '0');
  return next_word(r);
}

static int read_levels(struct reader *r, struct jsonpath_node **node)
{
  bool has_braces;
  int status = new_node(r, JSONPATH_ANY_LEVEL, node);
  if (!status)
    status = next_word(r);
  if (!status)
    status = take_sign(r, "{", &has_braces);
  if (status)
    return status;
  (*node)->last = JSONPATH_LEVELS;
  if (!has_braces)
    return 0;
  status = read_level(r, &(*node)->first);
  (*node)->last = (*node)->first;
  if (!status && is_name(r, "to") && !(status = next_word(r)))
    status = read_level(r, &(*node)->last);
  return status ? status : expect_sign(r, "}");
}

// Behind a '.'.
static int read_key(struct reader *r, struct jsonpath_node **node)
{
  if (is_sign(r, "**"))
    return read_levels(r, node);
  bool is_any = is_sign(r, "*");
  if (!is_any && r->word.kind != WORD_NAME && r->word.kind != WORD_STRING)
    return syntax_error(r);
  struct word name = r->word;
  int status = new_node(r, is_any ? JSONPATH_ANY_KEY : JSONPATH_KEY, node);
  if (!status)
    status = next_word(r);
  if (status || is_any)
    return status;
  (*node)->text = name.text;
  if (name.kind != WORD_NAME || !is_sign(r, "("))
    return 0;
  struct word bracket = r->word;
  for (int kind = JSONPATH_TYPE; kind <= JSONPATH_KEYVALUE; kind++) {
    r->word = name;
    bool is_it = is_name(r, jsonpath_method_name((enum jsonpath_kind)kind));
    r->word = bracket;
    if (!is_it)
      continue;
    (*node)->kind = (enum jsonpath_kind)kind;
    status = next_word(r);
    if (!status && kind == JSONPATH_DATETIME && r->word.kind == WORD_STRING)
      status = read_literal(r, &(*node)->left);
    return status ? status : expect_sign(r, ")");
  }
  return syntax_error(r);
}

// The keys, subscripts and filters behind an operand.
static int read_accessors(struct reader *r, struct jsonpath_node *node)
{
  int status = 0;
  while (node->next)
    node = node->next;
  for (; !status; node = node->next) {
    if ((is_sign(r, ".") || is_sign(r, "[") || is_sign(r, "?")) && (status = one_more(r)))
      return status;
    if (is_sign(r, ".")) {
      status = next_word(r);
      if (!status)
        status = read_key(r, &node->next);
    } else if (is_sign(r, "[")) {
      status = read_subscripts(r, &node->next);
    } else if (is_sign(r, "?")) {
      status = new_node(r, JSONPATH_FILTER, &node->next);
      if (!status)
        status = next_word(r);
      r->filters++;
      if (!status)
        status = read_enclosed(r, "(", ")", true, &node->next->left);
      r->filters--;
    } else {
      return 0;
    }
    if (status)
      return status;
  }
  return status;
}

static int read_operand(struct reader *r, struct jsonpath_node **node)
{
  int status = 0;
  if (is_name(r, "exists")) {
    status = new_node(r, JSONPATH_EXISTS, node);
    if (!status)
      status = next_word(r);
    return status ? status : read_enclosed(r, "(", ")", false, &(*node)->left);
  }
  if (!is_sign(r, "(")) {
    status = read_literal(r, node);
    return status ? status : read_accessors(r, *node);
  }
  status = next_word(r);
  if (!status)
    status = read_or(r, node);
  if (!status)
    status = expect_sign(r, ")");
  if (!status && jsonpath_is_predicate((*node)->kind) && !(*node)->next && is_name(r, "is")) {
    struct jsonpath_node *inner = *node;
    status = next_word(r);
    if (!status)
      status = expect_name(r, "unknown");
    if (!status)
      status = new_node(r, JSONPATH_IS_UNKNOWN, node);
    if (!status)
      (*node)->left = inner;
    return status;
  }
  return status ? status : read_accessors(r, *node);
}

static int read_signed(struct reader *r, struct jsonpath_node **node)
{
  if (!is_sign(r, "+") && !is_sign(r, "-"))
    return read_operand(r, node);
  int status = one_more(r);
  if (!status)
    status = new_node(r, is_sign(r, "+") ? JSONPATH_PLUS : JSONPATH_MINUS, node);
  if (!status)
    status = next_word(r);
  if (!status)
    status = read_signed(r, &(*node)->left);
  return status || is_value((*node)->left) ? status : syntax_error(r);
}

struct operator {
  const char *sign;
  enum jsonpath_kind kind;
};

static const struct operator products[] = {
    {"*", JSONPATH_MULTIPLY}, {"/", JSONPATH_DIVIDE}, {"%", JSONPATH_MODULO}, {NULL, JSONPATH_NULL}};
static const struct operator sums[] = {{"+", JSONPATH_ADD}, {"-", JSONPATH_SUBTRACT}, {NULL, JSONPATH_NULL}};
static const struct operator ands[] = {{"&&", JSONPATH_AND}, {NULL, JSONPATH_NULL}};
static const struct operator ors[] = {{"||", JSONPATH_OR}, {NULL, JSONPATH_NULL}};
static const struct operator comparisons[] = {
    {"==", JSONPATH_EQUAL}, {"=", JSONPATH_EQUAL},    {"!=", JSONPATH_UNEQUAL},  {"<>", JSONPATH_UNEQUAL},
    {"<", JSONPATH_LESS},   {">", JSONPATH_GREATER}, {"<=", JSONPATH_AT_MOST}, {">=", JSONPATH_AT_LEAST},
    {NULL, JSONPATH_NULL}};

// Operators of one strength, from the left on. of_values: what they combine, and not predicates.
static int read_chain(struct reader *r, const struct operator *operators,
                      int (*read)(struct reader *r, struct jsonpath_node **node), bool of_values,
                      struct jsonpath_node **node)
{
  int status = read(r, node);
  while (!status) {
    const struct operator *operator = operators;
    while (operator->sign && !is_sign(r, operator->sign))
      operator++;
    if (!operator->sign)
      break;
    struct jsonpath_node *left = *node;
    if (is_value(left) != of_values)
      return syntax_error(r);
    if ((status = one_more(r)) || (status = new_node(r, operator->kind, node)) || (status = next_word(r)))
      return status;
    (*node)->left = left;
    status = read(r, &(*node)->right);
    if (!status && is_value((*node)->right) != of_values)
      status = syntax_error(r);
  }
  return status;
}

static int read_product(struct reader *r, struct jsonpath_node **node)
{
  return read_chain(r, products, read_signed, true, node);
}
static int read_sum(struct reader *r, struct jsonpath_node **node)
{
  return read_chain(r, sums, read_product, true, node);
}

// The flags of like_regex, which stand in a string, in PostgreSQL's order.
static int read_flags(struct reader *r, struct jsonpath_node *node)
{
  static const char letters[] = "ismxq";
  bool has[sizeof letters] = {false};
  for (size_t i = 0; i < r->word.text.size; i++) {
    const char *letter = r->word.text.data[i] ? strchr(letters, r->word.text.data[i]) : NULL;
    if (!letter) {
      int status = error_set(r->error, SQLSTATE_SYNTAX_ERROR, "invalid input syntax for type %s", "jsonpath");
      error_detail(r->error, "Unrecognized flag character \"%.*s\" in LIKE_REGEX predicate.",
                   utf8_width(r->word.text.data[i]), (const char *)r->word.text.data + i);
      return status;
    }
    has[letter - letters] = true;
  }
  char *flag = node->flags;
  for (size_t i = 0; letters[i]; i++)
    if (has[i])
      *flag++ = letters[i];
  if (has[3] && !has[4])
    return error_set(r->error, SQLSTATE_FEATURE_NOT_SUPPORTED,
                     "XQuery \"x\" flag (expanded regular expressions) is not implemented");
  return next_word(r);
}

static int read_like(struct reader *r, struct jsonpath_node *node)
{
  int status = next_word(r);
  if (status)
    return status;
  if (r->word.kind != WORD_STRING)
    return syntax_error(r);
  node->text = r->word.text;
  status = next_word(r);
  if (status || !is_name(r, "flag"))
    return status;
  status = next_word(r);
  if (status)
    return status;
  return r->word.kind == WORD_STRING ? read_flags(r, node) : syntax_error(r);
}

static int read_starts(struct reader *r, struct jsonpath_node *node)
{
  int status = next_word(r);
  if (!status)
    status = expect_name(r, "with");
  if (status)
    return status;
  return r->word.kind == WORD_STRING || r->word.kind == WORD_VARIABLE ? read_literal(r, &node->right) : syntax_error(r);
}

static int read_comparison(struct reader *r, struct jsonpath_node **node)
{
  if (is_sign(r, "!")) {
    int status = new_node(r, JSONPATH_NOT, node);
    if (!status)
      status = next_word(r);
    if (!status && !is_sign(r, "(") && !is_name(r, "exists"))
      return syntax_error(r);
    if (!status)
      status = read_operand(r, &(*node)->left);
    return status || !is_value((*node)->left) ? status : syntax_error(r);
  }
  int status = read_sum(r, node);
  if (status || !is_value(*node))
    return status;
  struct jsonpath_node *left = *node;
  bool is_like = is_name(r, "like_regex"), is_start = is_name(r, "starts");
  if (is_like || is_start) {
    status = new_node(r, is_like ? JSONPATH_LIKE_REGEX : JSONPATH_STARTS_WITH, node);
    if (status)
      return status;
    (*node)->left = left;
    return is_like ? read_like(r, *node) : read_starts(r, *node);
  }
  for (const struct operator *operator = comparisons; operator->sign; operator++)
    if (is_sign(r, operator->sign)) {
      if ((status = new_node(r, operator->kind, node)) || (status = next_word(r)))
        return status;
      (*node)->left = left;
      status = read_sum(r, &(*node)->right);
      return status || is_value((*node)->right) ? status : syntax_error(r);
    }
  return 0;
}

static int read_and(struct reader *r, struct jsonpath_node **node)
{
  return read_chain(r, ands, read_comparison, false, node);
}

static int read_or(struct reader *r, struct jsonpath_node **node)
{
  int status = one_more(r);
  if (!status)
    status = read_chain(r, ors, read_and, false, node);
  return status;
}

int jsonpath_read(struct bytes text, struct arena *arena, struct jsonpath *path, struct error *error)
{
  struct error own = {0};
  struct reader r = {.text = text, .arena = arena, .error = error ? error : &own};
  *path = (struct jsonpath){0};
  int status = next_word(&r);
  if (!status && r.word.kind == WORD_END)
    return error_set(r.error, SQLSTATE_INVALID_TEXT_REPRESENTATION, "invalid input syntax for type %s: \"%.*s\"",
                     "jsonpath", (int)(text.size > 200 ? 200 : text.size), (const char *)text.data);
  bool has_mode = !status && (is_name(&r, "strict") || is_name(&r, "lax"));
  path->is_strict = has_mode && is_name(&r, "strict");
  if (has_mode)
    status = next_word(&r);
  if (!status)
    status = read_or(&r, &path->root);
  return status || r.word.kind == WORD_END ? status : syntax_error(&r);
}

int jsonpath_from_text(struct bytes text, struct arena *arena, struct value *value, struct error *error)
{
  struct jsonpath path;
  struct buffer out = {.account = arena->account};
  int status = jsonpath_read(text, arena, &path, error);
  if (status)
    return status;
  jsonpath_print(&path, &out);
  uint8_t *data = out.failed ? NULL : arena_copy(arena, out.data, out.size);
  *value = value_bytes(data, (uint32_t)out.size);
  buffer_deinit(&out);
  return data ? 0 : error_memory(error);
}

bool jsonpath_is_valid(struct bytes bytes)
{
  struct arena arena;
  struct jsonpath path;
  arena_init(&arena, NULL);
  bool is_valid = utf8_is_valid(bytes) && jsonpath_read(bytes, &arena, &path, NULL) == 0;
  arena_deinit(&arena);
  return is_valid;
}
