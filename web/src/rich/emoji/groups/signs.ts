/** Emoji of the group "signs": the glyph, then words to find it by, in English and Chinese. */

export const signs = `
✅ check done yes 完成 对
☑️ checkbox 勾选
✔️ check mark 对
❌ cross no wrong 错 不
❎ cross button 错
➕ plus add 加
➖ minus 减
✖️ multiply 乘
❓ question 问号 问题
❔ white question 问号
❗ exclamation important 感叹号 重要
‼️ double exclamation 感叹号
⚠️ warning 警告
🚫 forbidden no 禁止
⛔ no entry 禁止
🛑 stop 停
🆗 ok button 好
🆕 new 新
🆒 cool button 酷
🆓 free 免费
🔝 top 顶
🔴 red circle 红
🟠 orange circle 橙
🟡 yellow circle 黄
🟢 green circle 绿
🔵 blue circle 蓝
🟣 purple circle 紫
⚫ black circle 黑
⚪ white circle 白
➡️ right arrow 右 箭头
⬅️ left arrow 左 箭头
⬆️ up arrow 上 箭头
⬇️ down arrow 下 箭头
🔄 refresh sync 刷新 同步
🔁 repeat 重复
▶️ play 播放
⏸️ pause 暂停
⏹️ stop button 停止
🔔 bell notification 铃 通知
🔕 bell off mute 静音
📢 loudspeaker announce 公告
🔊 loud volume 声音
🔇 mute silent 静音
♻️ recycle 回收
♾️ infinity 无限
©️ copyright 版权
™️ trademark 商标
0️⃣ zero 零
1️⃣ one 一
2️⃣ two 二
3️⃣ three 三
🔟 ten 十
🏁 finish flag 终点
🚩 red flag 红旗
🏳️ white flag surrender 白旗 投降
🏴‍☠️ pirate flag 海盗
🇨🇳 china flag 中国
🇺🇸 usa america flag 美国
🇬🇧 uk britain flag 英国
🇪🇺 europe flag 欧洲
🇩🇪 germany flag 德国
🇫🇷 france flag 法国
🇯🇵 japan flag 日本
🇰🇷 korea flag 韩国
`;
