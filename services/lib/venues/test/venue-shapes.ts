/** One frame and one REST answer of every shape that a venue is known to send: what the fuzz test starts from. */
import type { Instrument } from '../index.ts';

export interface VenueShapes {
  readonly frames: readonly string[];
  /** What another address of the venue sends, in a protocol of its own. */
  readonly others?: { readonly url: string; readonly frames: readonly string[] };
  readonly instruments: readonly string[];
  readonly prices: readonly string[];
  /** Markets in those answers. */
  readonly markets: readonly Instrument[];
}

const market = (asset: string, quote: string, symbol: string, restSymbol?: string): Instrument => ({
  asset,
  quote,
  symbol,
  ...(restSymbol !== undefined && { restSymbol }),
});

export const VENUE_SHAPES: Readonly<Record<string, VenueShapes>> = {
  coinbase: {
    frames: [
      '{"type":"ticker","sequence":137212619516,"product_id":"BTC-USD","price":"84737.58","best_bid":"84737.58","best_ask":"84737.59","time":"2026-10-03T20:58:31.127510Z","trade_id":1102042811}',
      '{"type":"match","trade_id":216544,"side":"buy","size":"0.97133855","price":"4.97800000","product_id":"ETC-GBP","time":"2019-08-01T00:00:03.816000Z"}',
      '{"type":"heartbeat","sequence":90,"last_trade_id":20,"product_id":"BTC-USD","time":"2014-11-07T08:19:28.464459Z"}',
      '{"type":"subscriptions","channels":[{"name":"ticker","product_ids":["BTC-USD"],"account_ids":null}]}',
      '{"type":"error","message":"Failed to subscribe","reason":"ETH-FOO is not a valid product"}',
      '{"type":"status","products":[{"id":"BTC-USD","status":"online","cancel_only":true}],"currencies":[]}',
    ],
    instruments: [
      '[{"id":"BTC-USD","base_currency":"BTC","quote_currency":"USD","status":"online"},{"id":"OLD-USD","base_currency":"OLD","quote_currency":"USD","status":"delisted"}]',
    ],
    prices: [
      '{"ask":"73369.19","bid":"73360.34","trade_id":18502105,"price":"73367.8","size":"0.00730812","time":"2024-03-13T11:10:41.270099Z"}',
      '{"BTC-USD":{"stats_30day":{"volume":"311024.55"},"stats_24hour":{"open":"0.0723","last":"0.0726"}},"ETH-USD":{"stats_24hour":{"last":"3000"}}}',
      '{"message":"NotFound"}',
    ],
    markets: [market('BTC', 'USD', 'BTC-USD'), market('ETH', 'USD', 'ETH-USD')],
  },
  kraken: {
    frames: [
      '{"channel":"ticker","type":"snapshot","data":[{"symbol":"ALGO/USD","bid":0.13099,"bid_qty":329.06250000,"ask":0.13108,"last":0.13110,"timestamp":"2026-10-03T20:58:33.794283Z"}]}',
      '{"channel":"ticker","data":[{"symbol":"ALGO/USD","last":8.12e-7},{"symbol":"BTC/USD","last":105899.40}]}',
      '{"channel":"trade","type":"update","data":[{"symbol":"BTC/USD","side":"buy","price":105944.20,"qty":0.00027625,"trade_id":10218208}]}',
      '{"channel":"status","type":"update","data":[{"system":"online","connection_id":3364750901719990046,"upcoming_maintenance":[{"title":"x"}],"emergency":[]}]}',
      '{"method":"subscribe","success":false,"error":"Currency pair not supported FOO/BAR","symbol":"FOO/BAR","req_id":1}',
      '{"method":"subscribe","result":{"channel":"ticker","symbol":"BTC/USD"},"success":true,"req_id":1}',
      '[1337,{"c":["5525.10000","0.00398963"]},"ticker","XBT/USD"]',
    ],
    instruments: [
      '{"error":[],"result":{"XXBTZUSD":{"altname":"XBTUSD","wsname":"XBT/USD"},"XDGUSD":{"altname":"XDGUSD","wsname":"XDG/USD"},"X.d":{"altname":"X.d"}}}',
    ],
    prices: [
      '{"error":[],"result":{"XETHZUSD":{"a":["3338.95000","1","1.000"],"b":["3338.94000","246","246.000"],"c":["3338.08000","0.00702654"]},"XXBTZUSD":{"a":["64547.2","4"],"b":["64547.1","4"],"c":["64547.20000","0.0"]}}}',
      '{"error":["EService: Throttled: 1700000000"]}',
      '{"error":["EQuery:Unknown asset pair"]}',
    ],
    markets: [market('BTC', 'USD', 'BTC/USD', 'XXBTZUSD'), market('ETH', 'USD', 'ETH/USD')],
  },
  gemini: {
    frames: [
      '{"u":1764549594389752,"E":1783981140076872200,"s":"xrpgusd","b":"1.0614900","B":"958.69148000","a":"1.0615000","A":"38.39060000","c":"1.0612500","C":"4.71027100"}',
      '{"u":1764549594389752,"E":1783981140076872200,"s":"btcusd","b":"","B":"","a":"1.0615000","A":"38.39060000"}',
      '{"u":1,"E":1783981140076872200,"s":"btcusd"}',
      '{"E":1783981140085684200,"s":"btcusd","t":2840141014190422,"p":"62145.38000","q":"0.0162522200","m":true}',
      '{"id":"1","status":200}',
      '{"id":4,"status":400,"error":{"code":-1013,"msg":"Invalid stream name: nosuch@bookTicker"}}',
      '{"id":2,"status":200,"result":["btcusd@bookTicker","btcusd@trade"]}',
    ],
    others: {
      url: 'wss://api.gemini.com/v2/marketdata',
      frames: [
        '{"type":"trade","symbol":"BTCUSD","event_id":8280715334,"timestamp":1569888020080,"price":"8325.00","quantity":"0.1","side":"buy"}',
        '{"type":"l2_updates","symbol":"BTCUSD","changes":[["buy","9122.04","0.00121425"]],"trades":[{"type":"trade","symbol":"BTCUSD","event_id":169841458,"timestamp":1560976400428,"price":"9122.04","quantity":"0.0073173","side":"sell"}]}',
        '{"type":"heartbeat","timestamp":1560976400428}',
        '{"result":"error","reason":"NoValidTradingPairs"}',
      ],
    },
    instruments: ['["btcusd","ethusd","ethbtc","usdtusd","btcgusdperp"]'],
    prices: [
      '[{"pair":"BTCUSD","price":"9500.00","percentChange24h":"5.23"},{"pair":"ETHUSD","price":"257.54","percentChange24h":"4.85"}]',
      '{"bid":"73367.96","ask":"73385.27","last":"73268.24","volume":{"BTC":"3.5434218","USD":"259620.27","timestamp":1710328245000}}',
      '{"result":"error","reason":"EndpointNotFound","message":"x"}',
      "'X' does not have available data yet",
    ],
    markets: [market('BTC', 'USD', 'btcusd'), market('ETH', 'USD', 'ethusd')],
  },
  gateio: {
    frames: [
      '{"time":1754676198,"time_ms":1754676198909,"channel":"spot.tickers","event":"update","result":{"currency_pair":"BTC_USDT","last":"116762","lowest_ask":"116762","highest_bid":"116761.9"}}',
      '{"time":1682689046,"time_ms":1682689046142,"channel":"spot.book_ticker","event":"update","result":{"t":1682689046131,"u":517377894,"s":"ETC_ETH","b":"0.010326","B":"0.001","a":"0.010366","A":"10"}}',
      '{"time":1682689046,"time_ms":1682689046133,"channel":"spot.trades","event":"update","result":{"id":5541729598,"create_time":1682689046,"create_time_ms":"1682689046123.0","side":"buy","currency_pair":"TLOS_BTC","amount":"89.238","price":"0.00000644"}}',
      '{"time":1754006400,"time_ms":1754006400138,"channel":"spot.tickers","event":"subscribe","payload":["BTC_USDT"],"result":{"status":"success"},"id":1}',
      '{"time":1,"channel":"spot.tickers","event":"subscribe","payload":["NOPE_USD"],"error":{"code":2,"message":"unknown currency pair: NOPE_USD"},"result":{"status":"fail"}}',
      '{"time":1790134410,"time_ms":1790134410515,"channel":"spot.pong","event":"","result":null}',
    ],
    instruments: [
      '[{"id":"BTC_USDT","base":"BTC","quote":"USDT","trade_status":"tradable"},{"id":"OLD_USDT","base":"OLD","quote":"USDT","trade_status":"untradable"}]',
    ],
    prices: [
      '[{"currency_pair":"BTC_USDT","last":"116762","lowest_ask":"116762","highest_bid":"116761.9"},{"currency_pair":"ETH_USDT","last":"3000.1","lowest_ask":"","highest_bid":"0"}]',
      '{"label":"INVALID_CURRENCY_PAIR","message":"Invalid currency pair X_Y"}',
    ],
    markets: [market('BTC', 'USDT', 'BTC_USDT'), market('ETH', 'USDT', 'ETH_USDT')],
  },
  bybit: {
    frames: [
      '{"topic":"tickers.BTCUSDT","ts":1788335008126,"type":"snapshot","cs":113508069165,"data":{"symbol":"BTCUSDT","lastPrice":"77606.8","usdIndexPrice":"77561.956977"}}',
      '{"topic":"orderbook.1.BTCUSDT","ts":1680652806504,"type":"snapshot","data":{"s":"BTCUSDT","b":[["28165.07","0.175231"]],"a":[["28165.08","0.996816"]],"u":20404754,"seq":4281281856},"cts":1680652806500}',
      '{"topic":"publicTrade.BTCUSDT","ts":1788335009483,"type":"snapshot","data":[{"i":"2290000001202469355","T":1788335009482,"p":"77606.8","v":"0.000712","S":"Buy","seq":113508069853,"s":"BTCUSDT","BT":false,"RPI":false}]}',
      '{"success":true,"ret_msg":"subscribe","conn_id":"d9avrj8i70nu0j2a80n0-9cfc4","req_id":"1","op":"subscribe"}',
      '{"success":false,"ret_msg":"Invalid topic: invalid.topic.BTCUSDT","conn_id":"x","req_id":"1","op":"subscribe"}',
      '{"success":true,"ret_msg":"pong","op":"ping"}',
    ],
    instruments: [
      '{"retCode":0,"retMsg":"OK","result":{"category":"spot","list":[{"symbol":"BTCUSDT","baseCoin":"BTC","quoteCoin":"USDT","status":"Trading"}]},"time":1}',
    ],
    prices: [
      '{"retCode":0,"retMsg":"OK","result":{"category":"spot","list":[{"symbol":"BTCUSDT","bid1Price":"20517.96","ask1Price":"20527.77","lastPrice":"20533.13"},{"symbol":"ETHUSDT","lastPrice":"3000"}]},"time":1673859087947}',
      '{"retCode":10006,"retMsg":"Too many visits. Exceeded the API Rate Limit."}',
    ],
    markets: [market('BTC', 'USDT', 'BTCUSDT'), market('ETH', 'USDT', 'ETHUSDT')],
  },
  okx: {
    frames: [
      '{"arg":{"channel":"tickers","instId":"BTC-USDT"},"data":[{"instType":"SPOT","instId":"BTC-USDT","last":"9999.99","lastSz":"0.1","askPx":"9999.99","askSz":"11","bidPx":"8888.88","bidSz":"5","ts":"1597026383085"}]}',
      '{"arg":{"channel":"trades","instId":"CRV-USDT"},"data":[{"instId":"CRV-USDT","tradeId":"21300150","px":"3.973","sz":"13.491146","side":"buy","ts":"1639999319938","count":"3"}]}',
      '{"id":"t1","event":"subscribe","arg":{"channel":"tickers","instId":"BTC-USDT"},"connId":"a4d3ae55"}',
      '{"event":"error","code":"60018","msg":"Wrong URL or channel:tickers,instId:NOPE-USDT doesn\'t exist.","connId":"a"}',
      '{"event":"notice","code":"64008","msg":"The connection will soon be closed for a service upgrade.","connId":"a4d3ae55"}',
      'pong',
    ],
    instruments: [
      '{"code":"0","msg":"","data":[{"instType":"SPOT","instId":"BTC-USDT","baseCcy":"BTC","quoteCcy":"USDT","state":"live"},{"instType":"SPOT","instId":"OLD-USDT","baseCcy":"OLD","quoteCcy":"USDT","state":"suspend"}]}',
    ],
    prices: [
      '{"code":"0","msg":"","data":[{"instType":"SPOT","instId":"BTC-USDT","last":"9999.99","askPx":"9999.99","bidPx":"8888.88","ts":"1597026383085"},{"instId":"ETH-USDT","last":"300","askPx":"","bidPx":"0","ts":"0"}]}',
      '{"code":"51001","msg":"Instrument ID does not exist","data":[]}',
      '{"code":"50011","msg":"Rate limit reached","data":[]}',
    ],
    markets: [market('BTC', 'USDT', 'BTC-USDT'), market('ETH', 'USDT', 'ETH-USDT')],
  },
};
