#include "expr/tables.h"
const struct function format_functions[] = {{0}};
