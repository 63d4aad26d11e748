// The behaviours of all pages. Their listeners run in this order: a menu takes a key before the page does.

import "./updates/failed_updates.js"; // before htmx, whose first requests may fail
import "./updates/csrf_token.js";
import "./updates/ages.js";
import "./updates/changed_cells.js";
import "./updates/stream.js";
import "./time_zone.js";
import "./tabs.js";
import "./scroll_regions.js";
import "./menus.js";
import "./address_map.js";
import "./traffic_chart.js";
import "./shortcuts.js";
import "./confirmations.js";
import "./selection.js";
import "./copying.js";
import "./tables.js";
import "./unsaved.js";
import "./uploads.js";
import "./console.js";
import "./passkeys.js";
