/** How a review looks, on a screen and on paper. */

/** @param foot printed at the foot of each sheet; letters, digits and plain signs only */
export const reviewStyle = (foot: string): string => `
:root{color-scheme:light dark;--ink:#1c2430;--soft:#5b6675;--paper:#fff;--raised:#f4f6f9;--line:#d5dbe3;--bad:#b3261e;--waits:#8a5a00;--accent:#1a56b0}
@media(prefers-color-scheme:dark){:root{--ink:#e4e8ee;--soft:#9aa5b4;--paper:#14181e;--raised:#1d232b;--line:#343d48;--bad:#ff8a80;--waits:#f0b849;--accent:#8ab4f8}}
*{box-sizing:border-box}
body{margin:0;background:var(--paper);color:var(--ink);font:14px/1.45 system-ui,sans-serif}
main{max-width:110rem;margin:0 auto;padding:1.5rem}
h1{font-size:1.5rem;margin:0}h2{font-size:1.1rem;margin:2rem 0 .5rem}
p{margin:.25rem 0;color:var(--soft)}a{color:var(--accent)}
code{font:12px/1.4 ui-monospace,monospace;overflow-wrap:anywhere}
dl{display:grid;grid-template-columns:max-content 1fr;gap:.15rem 1rem;margin:1rem 0}
dt{color:var(--soft)}dd{margin:0}
.counts,.look{display:flex;flex-wrap:wrap;gap:.5rem;list-style:none;margin:.75rem 0;padding:0}
.counts li{background:var(--raised);border:1px solid var(--line);border-radius:.4rem;padding:.35rem .8rem;color:var(--soft)}
.counts b{display:block;font-size:1.25rem;color:var(--ink);font-variant-numeric:tabular-nums}
button{font:inherit;color:inherit;background:var(--raised);border:1px solid var(--line);border-radius:.4rem;padding:.3rem .7rem;cursor:pointer}
:focus-visible{outline:2px solid var(--accent);outline-offset:1px}
.look button{border-left:4px solid var(--waits)}.look .bad button{border-left-color:var(--bad)}
.tools{position:sticky;top:0;z-index:2;display:flex;flex-wrap:wrap;gap:.75rem;align-items:end;background:var(--paper);padding:.6rem 0;height:4.5rem;overflow:hidden}
.tools label{display:grid;font-size:.8rem;color:var(--soft)}
.tools label:first-child{flex:1 1 16rem;max-width:32rem}
input,select{font:inherit;width:100%;color:var(--ink);background:var(--paper);border:1px solid var(--line);border-radius:.4rem;padding:.35rem .5rem}
#shown{color:var(--soft);padding-bottom:.4rem}
table{border-collapse:collapse;width:100%;table-layout:fixed;font-variant-numeric:tabular-nums}
caption{text-align:left;color:var(--soft);padding-bottom:.3rem}
th,td{text-align:left;vertical-align:top;padding:.35rem .5rem;border-bottom:1px solid var(--line);overflow-wrap:anywhere}
thead th{background:var(--raised)}
#grants thead th{position:sticky;top:4.5rem;z-index:1}
th button{all:unset;cursor:pointer;font-weight:600;display:block;width:100%}
th button:focus-visible{outline:2px solid var(--accent)}
[aria-sort=ascending] button::after{content:" \\2191"}[aria-sort=descending] button::after{content:" \\2193"}
i{font-style:normal;unicode-bidi:isolate}
time{white-space:nowrap}
td small{display:block;color:var(--soft);font-size:.86em}
td small.id{font-family:ui-monospace,monospace;font-size:.76em}
.mark{display:inline-block;border:1px solid currentColor;border-radius:.3rem;padding:0 .35rem;margin:0 .2rem .2rem 0;font-size:.86em;color:var(--waits)}
.mark.bad{color:var(--bad)}
tr.group th{background:var(--raised);padding-top:.6rem}
tr.group span{color:var(--soft);font-weight:400}
col.w1{width:6.8em}col.w2{width:11%}col.w3{width:16%}col.w4{width:20%}
@media(max-width:56rem){.tools{position:static;height:auto}#grants thead th{top:0}}
.after{display:flex;gap:.5rem;align-items:center;padding:.75rem 0}
[hidden]{display:none!important}
.tools,.after{visibility:hidden}.js .tools,.js .after{visibility:visible}
@media screen{.js tr.more{display:none}}
@media screen and (max-width:60rem){.tools{position:static;height:auto}#grants thead th{position:static}table{min-width:60rem}.wide{overflow-x:auto}}
@media print{
:root{color-scheme:light;--ink:#000;--soft:#444;--paper:#fff;--raised:#eee;--line:#bbb;--bad:#8c1d18;--waits:#6b4600;--accent:#000}
body{font:7pt/1.25 system-ui,sans-serif}th,td{padding:1.5pt 3pt}.mark{padding:0 2pt;margin:0 1pt 1pt 0}h2{margin:6pt 0 2pt}dl{margin:4pt 0}code{font-size:6.5pt}main{padding:0;max-width:none}.tools,.after,nav{display:none}
#grants thead th{position:static}thead{display:table-header-group}tr{break-inside:avoid}tr.group{break-after:avoid}
.look button{border-style:none none none solid;padding:.1rem .5rem;background:none}
}
@page{size:A4 landscape;margin:10mm 10mm 14mm;@bottom-left{content:"${foot}";font:7pt ui-monospace,monospace}@bottom-right{content:counter(page) " / " counter(pages);font:7pt system-ui}}
`;
