/**
 * Places: in clusters, so that circles and boxes find several of them, and at the edges of the map. What STOREDIST
 * stores is not shown: its last digits are those of the system's sine.
 */
import type { Draw } from './draw.js';
import type { Grammar } from './grammar.js';

const key = (draw: Draw): string => draw.pick(['a', 'b', 'c']);
const near = (draw: Draw, centre: number): string =>
  (centre + (draw.below(2001) - 1000) / draw.pick([1e3, 1e4, 1e6, 100])).toFixed(6);
const EDGES_OF_LONGITUDE = ['180', '-180', '179.9999', '-179.9999', '0', '90', '181', '-180.1', 'x', 'inf', '1e300', 'nan', ''];
const EDGES_OF_LATITUDE = ['85.05112878', '-85.05112878', '85', '-85', '0', '66.5', '80.1', '-81', '86', 'x', '-inf', '1e22', ''];
const longitude = (draw: Draw): string =>
  draw.chance(0.15) ? draw.pick(EDGES_OF_LONGITUDE) : near(draw, draw.pick([13.4, 13.4, 2.35, -122.4, 179.9]));
const latitude = (draw: Draw): string =>
  draw.chance(0.15) ? draw.pick(EDGES_OF_LATITUDE) : near(draw, draw.pick([52.5, 52.5, 48.8, 37.7, -84.9]));
const unit = (draw: Draw): string => draw.pick(draw.chance(0.05) ? ['', 'x', 'kmx'] : ['m', 'km', 'ft', 'mi', 'KM', 'Mi']);
const radius = (draw: Draw): string =>
  draw.pick(['0', '1', '10', '100', '500', '1000', '5000', '20000', '100000', '1e7', '0.5', '123.456', '-1', 'x', 'inf', '3000']);
const member = (draw: Draw): string => draw.chance(0.9) ? `m${draw.below(40)}` : draw.pick(['', '\x00\xff', '1', 'missing']);
const WITH = '[WITHCOORD] [WITHDIST] [WITHHASH]';
const ORDER = '[ASC|DESC] [COUNT count] [COUNT count ANY]';

export const geoGrammar: Grammar = {
  family: 'geo',
  requests: `
    GEOADD key longitude latitude member [longitude latitude member ...] [longitude latitude member ...]
    GEOADD key longitude latitude member longitude latitude member longitude latitude member longitude latitude member
    GEOADD key [NX|XX] [CH] longitude latitude member [longitude latitude member ...]
    GEOADD key ${'longitude latitude member '.repeat(12)}
    GEODIST key member member [unit]
    GEOHASH key member [member ...]
    GEOPOS key member [member ...]
    GEOSEARCH key FROMMEMBER member BYRADIUS radius unit ${ORDER} ${WITH}
    GEOSEARCH key FROMMEMBER member BYBOX radius radius unit ${ORDER} ${WITH}
    GEOSEARCH key FROMLONLAT longitude latitude BYRADIUS radius unit ${ORDER} ${WITH}
    GEOSEARCH key FROMLONLAT longitude latitude BYBOX radius radius unit ${ORDER} ${WITH}
    GEOSEARCH key [FROMMEMBER member] [FROMLONLAT longitude latitude] [BYRADIUS radius unit] [BYBOX radius radius unit] ${ORDER} ${WITH}
    GEORADIUS key longitude latitude radius unit ${WITH} ${ORDER}
    GEORADIUS key longitude latitude radius unit ${ORDER} STORE newkey
    GEORADIUS key longitude latitude radius unit ${ORDER} STOREDIST it ; ZCARD it ; DEL it
    GEORADIUS_RO key longitude latitude radius unit ${WITH} ${ORDER} [STORE newkey]
    GEORADIUSBYMEMBER key member radius unit ${WITH} ${ORDER} [STORE newkey]
    GEORADIUSBYMEMBER_RO key member radius unit ${WITH} ${ORDER}
    GEOSEARCHSTORE newkey key FROMMEMBER member BYRADIUS radius unit ${ORDER}
    GEOSEARCHSTORE newkey key FROMLONLAT longitude latitude BYBOX radius radius unit ${ORDER} [WITHDIST]
    GEOSEARCHSTORE it key FROMMEMBER member BYBOX radius radius unit ${ORDER} STOREDIST ; OBJECT ENCODING it ; DEL it
    ZREM key member [member ...]
    ZADD key score member [score member ...]
    OBJECT ENCODING key
    SET key value
    DEL key
    DEL key
  `,
  words: {
    key, newkey: key, member, unit, radius, longitude, latitude,
    count: (draw) => draw.pick(['1', '2', '3', '5', '10', '0', '-1', 'x', '9223372036854775807']),
    score: (draw) => draw.pick(['0', '1.5', '3479099956230698', '-5', '1e300', 'inf', '-inf', '4503599627370496', '1e18']),
  },
  probes: `
    ZRANGE key 0 -1
    TYPE key
    OBJECT ENCODING key
    EXPIRETIME key
  `,
};
