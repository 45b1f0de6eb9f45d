#include "alta_system.h"
