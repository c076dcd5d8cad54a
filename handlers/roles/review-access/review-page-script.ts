/**
 * What a review's page does by itself: finds, filters, sorts and groups its rows. All rows are in the page, and are shown without a script too;
 * with it a screen shows the first two hundred of those that fit, and paper shows all that fit, in tables of two hundred.
 */

/** Rows that a screen shows at first, and with each "more". */
export const shownRows = 200;

/**
 * Rows of one table on paper. Chromium 150 lays a table over pages in time and memory that grow with the square of its rows: 10,000 in one took
 * 4 GB, in tables of 200 less than half of it.
 */
export const printedRows = 200;

export const reviewScript = `
document.documentElement.classList.add('js');
addEventListener('DOMContentLoaded',()=>{
const step=${shownRows},table=document.querySelector('#grants');
if(!table)return;
const body=table.tBodies[0],rows=[...body.rows],heads=[...table.tHead.rows[0].cells],by=id=>document.getElementById(id);
const find=by('find'),menus=[...document.querySelectorAll('.tools select[data-column]')],look=by('look'),group=by('group'),shown=by('shown'),more=by('more'),all=by('all');
const collator=new Intl.Collator('en',{numeric:true}),count=new Intl.NumberFormat('en').format;
let limit=step,sorted=-1,down=false,texts;
const cell=(row,column)=>row.cells[column].dataset.key??row.cells[column].textContent;
const fits=words=>(row,i)=>words.every(word=>texts[i].includes(word))&&menus.every(menu=>!menu.value||cell(row,menu.dataset.column)===menu.value)
&&(!look.value||(row.dataset.look??'').split(' ').includes(look.value));
const ordered=list=>{
const columns=[...(group.value?[group.value]:[]),...(sorted<0?[]:[sorted])];
if(columns.length===0)return list;
const keyed=list.map(row=>[row,...columns.map(column=>cell(row,column))]);
const turned=columns.map((_,i)=>down&&i===columns.length-1&&sorted>=0?-1:1);
keyed.sort((a,b)=>{for(let i=1;i<a.length;i++){const order=collator.compare(a[i],b[i])*turned[i-1];if(order)return order}return 0});
return keyed.map(pair=>pair[0])};
const headed=(key,row,size)=>{
const line=document.createElement('tr'),head=document.createElement('th'),label=document.createElement('bdi'),note=document.createElement('span');
line.className='group';head.colSpan=heads.length;head.scope='rowgroup';label.textContent=row.cells[group.value].dataset.name??key;note.textContent=' '+count(size)+(size===1?' grant':' grants');
head.append(label,note);line.append(head);return line};
const show=()=>{
texts??=rows.map(row=>row.textContent.toLowerCase());
const words=find.value.toLowerCase().split(/\\s+/).filter(Boolean),list=ordered(rows.filter(fits(words))),lines=[];
const sizes=new Map();if(group.value)for(const row of list){const key=cell(row,group.value);sizes.set(key,(sizes.get(key)??0)+1)}
let before;
list.forEach((row,i)=>{
const key=group.value?cell(row,group.value):undefined;
if(key!==before){before=key;const line=headed(key,row,sizes.get(key));line.classList.toggle('more',i>=limit);lines.push(line)}
row.classList.toggle('more',i>=limit);lines.push(row)});
body.replaceChildren(...lines);
const hidden=Math.max(0,list.length-limit);
shown.textContent=count(list.length)+' of '+count(rows.length)+' grants'+(hidden?', the first '+count(limit)+' shown':'');
more.textContent='Show '+count(Math.min(step,hidden))+' more';all.textContent='Show all '+count(list.length);more.hidden=all.hidden=!hidden};
const anew=()=>{limit=step;show()};
for(const control of [find,look,group,...menus])control.addEventListener('input',anew);
more.addEventListener('click',()=>{limit+=step;show()});
all.addEventListener('click',()=>{limit=Infinity;show()});
for(const button of document.querySelectorAll('button[data-look]'))button.addEventListener('click',()=>{look.value=button.dataset.look;anew();look.focus()});
heads.forEach((head,column)=>head.querySelector('button').addEventListener('click',()=>{
down=sorted===column&&!down;sorted=column;
for(const other of heads)other.removeAttribute('aria-sort');
head.setAttribute('aria-sort',down?'descending':'ascending');anew()}));
const printed=[];
addEventListener('beforeprint',()=>{
const lines=[...body.rows];
for(let i=${printedRows};i<lines.length;i+=${printedRows}){
const part=table.cloneNode(false),section=document.createElement('tbody');
part.removeAttribute('id');section.append(...lines.slice(i,i+${printedRows}));
part.append(table.querySelector('colgroup').cloneNode(true),table.tHead.cloneNode(true),section);
table.parentNode.append(part);printed.push(part)}});
addEventListener('afterprint',()=>{for(const part of printed.splice(0)){body.append(...part.tBodies[0].rows);part.remove()}});
show()});
`;
