// Lists of settings, and those that nobody knows but who sets them: their names have a dot.
//
// 1. A list is one piece of memory, so that a session's are copied and put back with its other settings.
// 2. Once it was set a custom setting stays known for the session, with nothing in it at the least.
#include <string.h>
#include <strings.h>

#include "base/sqlstate.h"
#include "sql/settings.h"

// --- Lists -----------------------------------------------------------------------------------------------

const char *setting_list_next(const struct setting_list *list, size_t offset, const char **value, size_t *next)
{
  const char *name = list->bytes + offset;
  if (offset >= SETTING_LIST || !*name)
    return NULL;
  *value = name + strlen(name) + 1;
  *next = offset + strlen(name) + strlen(*value) + 2;
  return name;
}

// The offset of the name, or of the end; *next is that of what lies behind it.
static size_t find(const struct setting_list *list, const char *name, const char **value, size_t *next)
{
  size_t offset = 0;
  const char *found;
  while ((found = setting_list_next(list, offset, value, next))) {
    if (strcasecmp(found, name) == 0)
      return offset;
    offset = *next;
  }
  *value = NULL;
  *next = offset;
  return offset;
}

const char *setting_list_find(const struct setting_list *list, const char *name)
{
  const char *value;
  size_t next;
  (void)find(list, name, &value, &next);
  return value;
}

size_t setting_list_size(const struct setting_list *list)
{
  size_t size = 0, next;
  for (const char *value; setting_list_next(list, size, &value, &next); size = next)
    ;
  return size;
}

bool setting_list_put(struct setting_list *list, const char *name, const char *value)
{
  const char *old;
  size_t next, offset = find(list, name, &old, &next), size = setting_list_size(list);
  const char *spelling = old ? list->bytes + offset : name;
  size_t name_size = strlen(spelling) + 1, needed = value ? name_size + strlen(value) + 1 : 0;
  if (offset + needed + (size - next) >= SETTING_LIST)
    return false;
  struct setting_list made = {0};
  memcpy(made.bytes, list->bytes, offset);
  if (value) {
    memcpy(made.bytes + offset, spelling, name_size);
    memcpy(made.bytes + offset + name_size, value, needed - name_size);
  }
  memcpy(made.bytes + offset + needed, list->bytes + next, size - next);
  *list = made;
  return true;
}

// --- Custom settings -------------------------------------------------------------------------------------

bool settings_is_custom(const char *name)
{
  return strchr(name, '.') != NULL;
}

// Identifiers with dots between them.
static bool is_good_name(const char *name)
{
  bool begins = true;
  for (; *name; name++) {
    bool is_letter = (*name >= 'a' && *name <= 'z') || (*name >= 'A' && *name <= 'Z') || *name == '_' || *name & 128;
    bool is_inner = (*name >= '0' && *name <= '9') || *name == '$';
    if (*name == '.' ? begins : !is_letter && (begins || !is_inner))
      return false;
    begins = *name == '.';
  }
  return !begins;
}

int settings_set_custom(struct settings *settings, const char *name, const char *value, struct error *error)
{
  if (!is_good_name(name)) {
    int status = error_set(error, SQLSTATE_INVALID_NAME, "invalid configuration parameter name \"%s\"", name);
    error_detail(error, "Custom parameter names must be two or more simple identifiers separated by dots.");
    return status;
  }
  if (setting_list_put(&settings->custom, name, value ? value : ""))
    return 0;
  return error_set(error, SQLSTATE_CONFIGURATION_LIMIT_EXCEEDED,
                   "custom settings of a session cannot have more than %d bytes", SETTING_LIST);
}

void settings_keep_custom(struct settings *settings, const struct settings *ended)
{
  const char *name, *value;
  size_t next;
  for (size_t offset = 0; (name = setting_list_next(&ended->custom, offset, &value, &next)); offset = next)
    if (!setting_list_find(&settings->custom, name))
      (void)setting_list_put(&settings->custom, name, "");
}
