// Reading and asking the rules of pg_hba.conf.
//
// A line is TYPE DATABASE USER ADDRESS [MASK] METHOD. Names are lists with commas; a quoted name is no keyword.
#include "wire/rules.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/sqlstate.h"

#define SQLSTATE_CONFIG_FILE_ERROR "F0000"

enum { TOKENS = 6, NAMES = 16 };

enum rule_type { RULE_LOCAL, RULE_HOST, RULE_HOST_TLS, RULE_HOST_PLAIN };

struct rule_name {
  char text[64];
  bool is_keyword; // all, sameuser, …
  bool is_group;   // +name
};

struct rule {
  enum rule_type type;
  struct rule_name databases[NAMES], users[NAMES];
  int database_count, user_count;
  bool is_any;         // every address
  int family;          // AF_INET, AF_INET6
  uint8_t address[16], mask[16];
  enum rule_method method;
};

struct rules {
  struct rule *list;
  int count;
};

// --- Lines into tokens --------------------------------------------------------------------------------

struct token {
  struct rule_name names[NAMES];
  int count;
};

struct line {
  const char *path;
  int number;
  struct token tokens[TOKENS + 1];
  int count;
};

static int complain(const struct line *line, struct error *error, const char *format, const char *detail)
{
  char text[400];
  snprintf(text, sizeof text, format, detail);
  return error_set(error, SQLSTATE_CONFIG_FILE_ERROR, "%s, line %d: %s", line->path, line->number, text);
}

// Takes one name of a list off the text. False: it is too long, or its quote does not end.
static bool take_name(const char **text, struct rule_name *name)
{
  size_t size = 0;
  bool is_quoted = false, is_open = false;
  const char *at = *text;
  *name = (struct rule_name){0};
  if (*at == '+') {
    name->is_group = true;
    at++;
  }
  for (; *at && (is_open || !strchr(" \t\r,#", *at)); at++) {
    if (*at == '"') {
      is_open = !is_open;
      is_quoted = true;
    } else if (size + 1 < sizeof name->text) {
      name->text[size++] = *at;
    } else {
      return false;
    }
  }
  static const char *const keywords[] = {"all", "sameuser", "samerole", "samegroup", "replication", NULL};
  for (const char *const *keyword = keywords; *keyword && !is_quoted && !name->is_group; keyword++)
    name->is_keyword |= strcmp(name->text, *keyword) == 0;
  *text = at;
  return !is_open;
}

static int take_token(struct line *line, const char **text, struct error *error)
{
  if (line->count > TOKENS)
    return complain(line, error, "too many fields%s", "");
  struct token *token = &line->tokens[line->count++];
  bool more = true;
  token->count = 0;
  while (more) {
    if (token->count == NAMES || !take_name(text, &token->names[token->count++]))
      return complain(line, error, "a list or a name is too long, or a quote does not end%s", "");
    const char *behind = *text + strspn(*text, " \t\r");
    more = *behind == ',';
    if (more) {
      *text = behind + 1;
      *text += strspn(*text, " \t\r");
    }
  }
  return 0;
}

static const char *token_text(const struct line *line, int number)
{
  return line->tokens[number].names[0].text;
}

// --- Addresses ----------------------------------------------------------------------------------------

static bool read_address(const char *text, int *family, uint8_t address[16])
{
  memset(address, 0, 16);
  *family = strchr(text, ':') ? AF_INET6 : AF_INET;
  return inet_pton(*family, text, address) == 1;
}

static void make_mask(int bits, uint8_t mask[16])
{
  for (int i = 0; i < 16; i++, bits -= 8)
    mask[i] = bits >= 8 ? 0xff : bits > 0 ? (uint8_t)(0xff << (8 - bits)) : 0;
}

static int read_range(struct rule *rule, struct line *line, int *next, struct error *error)
{
  char text[64];
  snprintf(text, sizeof text, "%s", token_text(line, (*next)++));
  if (strcmp(text, "all") == 0) {
    rule->is_any = true;
    return 0;
  }
  if (strcmp(text, "samehost") == 0 || strcmp(text, "samenet") == 0)
    return complain(line, error, "the address \"%s\" is not supported", text);
  char *slash = strchr(text, '/'), *end = NULL;
  if (slash)
    *slash = 0;
  if (!read_address(text, &rule->family, rule->address))
    return complain(line, error, "\"%s\" is not an IP address: host names are not supported", text);
  int limit = rule->family == AF_INET ? 32 : 128, mask_family;
  if (slash) {
    long bits = strtol(slash + 1, &end, 10);
    if (end == slash + 1 || *end || bits < 0 || bits > limit)
      return complain(line, error, "invalid CIDR mask in address \"%s\"", token_text(line, *next - 1));
    make_mask((int)bits, rule->mask);
  } else if (*next >= line->count || !read_address(token_text(line, (*next)++), &mask_family, rule->mask) ||
             mask_family != rule->family) {
    return complain(line, error, "the address \"%s\" needs a mask: write /32 behind it", text);
  }
  for (int i = 0; i < 16; i++)
    rule->address[i] &= rule->mask[i];
  return 0;
}

static bool is_within_loopback(const struct rule *rule)
{
  static const uint8_t six[16] = {[15] = 1};
  if (rule->type == RULE_LOCAL)
    return true;
  if (rule->is_any)
    return false;
  if (rule->family == AF_INET)
    return rule->address[0] == 127 && rule->mask[0] == 0xff;
  uint8_t whole[16];
  make_mask(128, whole);
  return memcmp(rule->address, six, 16) == 0 && memcmp(rule->mask, whole, 16) == 0;
}

// --- Reading --------------------------------------------------------------------------------------------

static int read_type(struct rule *rule, const struct line *line, struct error *error)
{
  static const struct { const char *name; enum rule_type type; } types[] = {
    {"local", RULE_LOCAL},           {"host", RULE_HOST},          {"hostssl", RULE_HOST_TLS},
    {"hostnossl", RULE_HOST_PLAIN},  {"hostnogssenc", RULE_HOST},  {"hostgssenc", RULE_LOCAL},
  };
  const char *name = token_text(line, 0);
  for (size_t i = 0; i < sizeof types / sizeof *types; i++)
    if (strcmp(types[i].name, name) == 0) {
      rule->type = types[i].type; // GSSAPI encryption is as absent as Unix sockets
      return 0;
    }
  return complain(line, error, "invalid connection type \"%s\"", name);
}

static int read_method(struct rule *rule, const struct line *line, const char *name, struct error *error)
{
  static const struct { const char *name; enum rule_method method; } methods[] = {
    {"trust", METHOD_TRUST}, {"reject", METHOD_REJECT}, {"scram-sha-256", METHOD_SCRAM},
    {"md5", METHOD_SCRAM}, // as in PostgreSQL, for verifiers that are SCRAM's
  };
  for (size_t i = 0; i < sizeof methods / sizeof *methods; i++)
    if (strcmp(methods[i].name, name) == 0)
      rule->method = methods[i].method;
  if (rule->method == METHOD_NONE)
    return complain(line, error, "authentication method \"%s\" is not supported: there are trust, scram-sha-256 and reject",
                    name);
  if (rule->method == METHOD_TRUST && !is_within_loopback(rule))
    return complain(line, error, "\"trust\" is for addresses within 127.0.0.0/8 and ::1/128: nobody comes from elsewhere "
                                 "without a password%s", "");
  return 0;
}

static bool has_include(const struct token *token)
{
  for (int i = 0; i < token->count; i++)
    if (token->names[i].text[0] == '@')
      return true;
  return false;
}

static int read_rule(struct line *line, struct rule *rule, struct error *error)
{
  *rule = (struct rule){0};
  int status = read_type(rule, line, error);
  if (status)
    return status;
  bool is_local = strcmp(token_text(line, 0), "local") == 0;
  int next = 3;
  if (line->count < (is_local ? 4 : 5))
    return complain(line, error, "end-of-line before %s", is_local ? "authentication method" : "address or method");
  if (has_include(&line->tokens[1]) || has_include(&line->tokens[2]))
    return complain(line, error, "files of names are not supported%s", "");
  memcpy(rule->databases, line->tokens[1].names, sizeof rule->databases);
  rule->database_count = line->tokens[1].count;
  memcpy(rule->users, line->tokens[2].names, sizeof rule->users);
  rule->user_count = line->tokens[2].count;
  if (!is_local)
    status = read_range(rule, line, &next, error);
  if (status)
    return status;
  if (next >= line->count)
    return complain(line, error, "end-of-line before %s", "authentication method");
  if (next + 1 < line->count)
    return complain(line, error, "\"%s\": authentication options are not supported", token_text(line, next + 1));
  return read_method(rule, line, token_text(line, next), error);
}

static bool add_rule(struct rules *rules, const struct rule *rule)
{
  struct rule *list = realloc(rules->list, sizeof *list * (size_t)(rules->count + 1));
  if (!list)
    return false;
  rules->list = list;
  list[rules->count++] = *rule;
  return true;
}

static int read_line(struct rules *rules, struct line *line, const char *text, struct error *error)
{
  struct rule rule;
  line->count = 0;
  int status = 0;
  for (text += strspn(text, " \t\r"); *text && *text != '#' && !status; text += strspn(text, " \t\r"))
    status = take_token(line, &text, error);
  if (status || line->count == 0)
    return status;
  status = read_rule(line, &rule, error);
  if (status)
    return status;
  return add_rule(rules, &rule) ? 0 : error_memory(error);
}

int rules_parse(const char *path, const char *text, struct rules **result, struct error *error)
{
  struct rules *rules = calloc(1, sizeof *rules);
  struct line *line = malloc(sizeof *line);
  int status = rules && line ? 0 : error_memory(error);
  for (int number = 1; *text && !status; number++) {
    size_t size = strcspn(text, "\n");
    char *copy = strndup(text, size);
    if (copy) {
      line->path = path;
      line->number = number;
      status = read_line(rules, line, copy, error);
    } else {
      status = error_memory(error);
    }
    free(copy);
    text += size + (text[size] == '\n');
  }
  free(line);
  if (status)
    rules_close(rules);
  else
    *result = rules;
  return status;
}

struct rules *rules_default(void)
{
  static const struct rule_name all = {.text = "all", .is_keyword = true};
  struct rules *rules = calloc(1, sizeof *rules);
  struct rule four = {.type = RULE_HOST, .database_count = 1, .user_count = 1, .family = AF_INET, .address = {127},
                      .mask = {0xff}, .method = METHOD_IF_ANY};
  four.databases[0] = four.users[0] = all;
  struct rule six = four, rest = four;
  six.family = AF_INET6;
  memset(six.address, 0, sizeof six.address);
  six.address[15] = 1;
  make_mask(128, six.mask);
  rest.is_any = true;
  rest.method = METHOD_SCRAM;
  if (rules && add_rule(rules, &four) && add_rule(rules, &six) && add_rule(rules, &rest))
    return rules;
  rules_close(rules);
  return NULL;
}

void rules_close(struct rules *rules)
{
  if (!rules)
    return;
  free(rules->list);
  free(rules);
}

// --- Asking ---------------------------------------------------------------------------------------------

// An IPv4 address that comes as an IPv6 one is what it is.
static int peer_address(const struct socket_address *peer, uint8_t address[16])
{
  memset(address, 0, 16);
  if (peer->storage.ss_family == AF_INET) {
    memcpy(address, &((const struct sockaddr_in *)&peer->storage)->sin_addr, 4);
    return AF_INET;
  }
  const struct in6_addr *six = &((const struct sockaddr_in6 *)&peer->storage)->sin6_addr;
  bool is_mapped = IN6_IS_ADDR_V4MAPPED(six);
  memcpy(address, six->s6_addr + (is_mapped ? 12 : 0), is_mapped ? 4 : 16);
  return is_mapped ? AF_INET : AF_INET6;
}

static bool address_fits(const struct rule *rule, const struct socket_address *peer)
{
  uint8_t address[16];
  if (rule->is_any)
    return true;
  if (peer_address(peer, address) != rule->family)
    return false;
  for (int i = 0; i < 16; i++)
    if ((address[i] & rule->mask[i]) != rule->address[i])
      return false;
  return true;
}

static bool database_fits(const struct rule *rule, const struct rule_question *question)
{
  for (int i = 0; i < rule->database_count; i++) {
    const struct rule_name *name = &rule->databases[i];
    if (!name->is_keyword ? strcmp(name->text, question->database) == 0
        : strcmp(name->text, "all") == 0 ? true
        : strcmp(name->text, "sameuser") == 0 ? strcmp(question->user, question->database) == 0
        : strcmp(name->text, "replication") == 0 ? false
                                                 : question->is_member(question->context, question->database))
      return true;
  }
  return false;
}

static bool user_fits(const struct rule *rule, const struct rule_question *question)
{
  for (int i = 0; i < rule->user_count; i++) {
    const struct rule_name *name = &rule->users[i];
    if (name->is_group ? question->is_member(question->context, name->text)
                       : (name->is_keyword && strcmp(name->text, "all") == 0) || strcmp(name->text, question->user) == 0)
      return true;
  }
  return false;
}

enum rule_method rules_find(const struct rules *rules, const struct rule_question *question)
{
  for (int i = 0; i < rules->count; i++) {
    const struct rule *rule = &rules->list[i];
    bool type_fits = rule->type == RULE_HOST || rule->type == (question->has_tls ? RULE_HOST_TLS : RULE_HOST_PLAIN);
    if (type_fits && address_fits(rule, question->peer) && database_fits(rule, question) && user_fits(rule, question))
      return rule->method;
  }
  return METHOD_NONE;
}
