/** Emoji of the group "people": the glyph, then words to find it by, in English and Chinese. */

export const people = `
👍 thumbs up good yes ok 赞 好 棒
👎 thumbs down bad no 踩 差
👌 ok perfect 好的 可以
🤌 pinched fingers italian 捏手
✌️ victory peace 胜利 耶
🤞 fingers crossed luck 祈祷 好运
🤟 love you gesture 爱你
🤘 rock horns 摇滚
🤙 call me shaka 打电话
👈 point left 左
👉 point right 右
👆 point up 上
👇 point down 下
☝️ index up one 一 上
✋ raised hand stop high five 举手 停
👋 wave hello bye hi 你好 再见 挥手
🤚 back of hand 手背
🖖 vulcan spock 瓦肯
👏 clap applause bravo 鼓掌
🙌 raise hands hooray 举手 万岁
🫶 heart hands love 比心
👐 open hands 张开手
🤝 handshake deal 握手 合作
🙏 pray please thanks 谢谢 拜托 祈祷
✍️ writing 写
💪 muscle strong 加油 肌肉 强
👊 fist bump punch 拳头
✊ raised fist 拳头 加油
🫰 finger heart snap 比心
💅 nail polish 指甲
👀 eyes look 看 眼睛
👁️ eye 眼
👂 ear listen 听 耳朵
👃 nose 鼻子
🧠 brain smart 大脑 聪明
👄 mouth 嘴
🦷 tooth 牙
👶 baby 宝宝
🧒 child 孩子
👦 boy 男孩
👧 girl 女孩
👨 man 男人
👩 woman 女人
👴 old man grandpa 爷爷
👵 old woman grandma 奶奶
🙋 raising hand question 举手 提问
🤷 shrug dunno 耸肩 不知道
🤦 facepalm 捂脸
🙇 bow sorry thanks 鞠躬 抱歉
🙆 ok gesture 可以
🙅 no gesture 不行 不
💁 tipping hand 介绍
🧑‍💻 technologist coder developer 程序员
🧑‍🍳 cook chef 厨师
🧑‍🏫 teacher 老师
🧑‍🎓 student graduate 学生 毕业
🕵️ detective 侦探
🦸 superhero 超人
🎅 santa christmas 圣诞老人
🚶 walking 走
🏃 running run 跑
💃 dancing woman 跳舞
🕺 dancing man 跳舞
👯 party dancers 派对
🧘 yoga meditate 瑜伽 冥想
🛌 in bed sleep 睡觉
👪 family 家 家庭
🗣️ speaking 说话
`;
